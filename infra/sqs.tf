# Where messages go that the rule could not put on the stream; the ingestor takes them from here.

locals {
  sqs_reader_actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
  fourteen_days_s    = 14 * 86400 # SQS's most
}

resource "aws_sqs_queue" "failed" {
  name                       = "${local.name}-failed-actions"
  message_retention_seconds  = local.fourteen_days_s
  visibility_timeout_seconds = 120
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true
}

resource "aws_sqs_queue_redrive_policy" "failed" {
  queue_url = aws_sqs_queue.failed.id

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.unreadable.arn
    maxReceiveCount     = 10
  })
}

# What was taken ten times and never deleted: the ingestor keeps malformed messages itself, so this stays empty.
resource "aws_sqs_queue" "unreadable" {
  name                      = "${local.name}-failed-actions-unreadable"
  message_retention_seconds = local.fourteen_days_s
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "tls_only" {
  for_each = { failed = aws_sqs_queue.failed, unreadable = aws_sqs_queue.unreadable }

  queue_url = each.value.id
  policy    = data.aws_iam_policy_document.queue_tls_only[each.key].json
}

data "aws_iam_policy_document" "queue_tls_only" {
  for_each = { failed = aws_sqs_queue.failed.arn, unreadable = aws_sqs_queue.unreadable.arn }

  statement {
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}
