# Exports for analysts: a task writes yesterday's sessions and readings as Parquet each night; a role reads them.

locals {
  exports_prefix = "nightly"
}

data "aws_iam_policy_document" "write_exports" {
  statement {
    actions   = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    resources = ["${aws_s3_bucket.this["exports"].arn}/${local.exports_prefix}/*"]
  }

  statement {
    actions   = ["kms:GenerateDataKey", "kms:Decrypt"] # Decrypt: S3 asks for it when a file comes in parts
    resources = [aws_kms_key.data.arn]
  }
}

# -- who reads ------------------------------------------------------------------------------------------

resource "aws_iam_role" "analyst" {
  count = length(var.analyst_principals) == 0 ? 0 : 1

  name                 = "${local.name}-analyst"
  description          = "Reads exports, and nothing else"
  assume_role_policy   = data.aws_iam_policy_document.analyst_trust[0].json
  max_session_duration = 8 * 3600
  permissions_boundary = aws_iam_policy.boundary.arn
}

data "aws_iam_policy_document" "analyst_trust" {
  count = length(var.analyst_principals) == 0 ? 0 : 1

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.analyst_principals
    }
  }
}

resource "aws_iam_role_policy" "analyst" {
  count = length(var.analyst_principals) == 0 ? 0 : 1

  name   = "read-exports"
  role   = aws_iam_role.analyst[0].id
  policy = data.aws_iam_policy_document.analyst.json
}

data "aws_iam_policy_document" "analyst" {
  statement {
    sid       = "Find"
    actions   = ["s3:ListBucket", "s3:GetBucketLocation"]
    resources = [aws_s3_bucket.this["exports"].arn]
  }

  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.this["exports"].arn}/*"]
  }

  statement {
    sid       = "Decrypt"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.data.arn]

    condition { # only what S3 hands out of this bucket
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }
  }
}
