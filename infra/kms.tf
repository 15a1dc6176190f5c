# One key of our own for what holds people's data: database, secrets, exports, backups, alarms' texts.
#
# What only passes through (stream, queues) or holds no personal data (logs, image, pages) has AWS's keys, which cost
# nothing and need no policy.

resource "aws_kms_key" "data" {
  description             = "${local.name}: database, secrets, exports, backups"
  enable_key_rotation     = true
  deletion_window_in_days = local.is_prod ? 30 : 7
  policy                  = data.aws_iam_policy_document.data_key.json
}

resource "aws_kms_alias" "data" {
  name          = "alias/${local.name}-data"
  target_key_id = aws_kms_key.data.key_id
}

data "aws_iam_policy_document" "data_key" {
  #checkov:skip=CKV_AWS_109: In a key's policy * is this key, and the account must be able to change it
  #checkov:skip=CKV_AWS_111: In a key's policy * is this key, and the account must be able to change it
  #checkov:skip=CKV_AWS_356: In a key's policy * is this key, and the account must be able to change it

  statement {
    sid       = "AccountsOwnPolicies" # without it nobody, not even root, could change this policy again
    actions   = ["kms:*"]
    resources = ["*"] # in a key's policy: this key

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account_id}:root"]
    }
  }

  statement {
    sid       = "AlarmsIntoTopic"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}
