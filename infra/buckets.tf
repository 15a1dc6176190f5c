# What all buckets have in common: private, encrypted, reached by TLS only, with an end for what is old.

locals {
  buckets = {
    access-logs = { is_versioned = false, delete_after_days = 90, kms_key = null } # load balancers write with S3's own key only
    dashboard   = { is_versioned = true, delete_after_days = null, kms_key = null }
    exports     = { is_versioned = true, delete_after_days = 730, kms_key = aws_kms_key.data.arn }
  }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_19: All are encrypted below, by for_each, which checkov does not follow
  #checkov:skip=CKV_AWS_21: dashboard and exports are versioned below, by for_each

  for_each = local.buckets

  bucket        = "${local.name}-${each.key}-${local.account_id}"
  force_destroy = !local.is_prod
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = { for name, bucket in local.buckets : name => bucket if bucket.is_versioned }

  bucket = aws_s3_bucket.this[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    bucket_key_enabled = each.value.kms_key != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = each.value.kms_key == null ? "AES256" : "aws:kms"
      kms_master_key_id = each.value.kms_key
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    id     = "end-of-old-things"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    dynamic "expiration" {
      for_each = each.value.delete_after_days == null ? [] : [each.value.delete_after_days]

      content {
        days = expiration.value
      }
    }

    dynamic "noncurrent_version_expiration" {
      for_each = each.value.is_versioned ? [30] : []

      content {
        noncurrent_days = noncurrent_version_expiration.value
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

data "aws_iam_policy_document" "tls_only" {
  for_each = local.buckets

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this[each.key].arn, "${aws_s3_bucket.this[each.key].arn}/*"]

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

# The dashboard's own is in dashboard_site.tf: it waits for CloudFront, which the load balancer has no need of.
resource "aws_s3_bucket_policy" "this" {
  for_each = {
    access-logs = data.aws_iam_policy_document.access_logs.json
    exports     = data.aws_iam_policy_document.tls_only["exports"].json
  }

  bucket = aws_s3_bucket.this[each.key].id
  policy = each.value

  depends_on = [aws_s3_bucket_public_access_block.this]
}

data "aws_iam_policy_document" "access_logs" {
  source_policy_documents = [data.aws_iam_policy_document.tls_only["access-logs"].json]

  statement {
    sid       = "LoadBalancersWrite"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.this["access-logs"].arn}/alb/AWSLogs/${local.account_id}/*"]

    principals {
      type        = "Service"
      identifiers = ["logdelivery.elasticloadbalancing.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}
