# Backups of the database beside RDS's own: daily, and monthly for a year, in a vault that a mistaken destroy leaves standing.

resource "aws_backup_vault" "this" {
  name          = local.name
  kms_key_arn   = aws_kms_key.data.arn
  force_destroy = !local.is_prod
}

resource "aws_backup_plan" "this" {
  name = local.name

  rule {
    rule_name         = "daily"
    target_vault_name = aws_backup_vault.this.name
    schedule          = "cron(0 ${local.is_prod ? 5 : 16} * * ? *)" # UTC; staging: while it is awake
    start_window      = 60
    completion_window = 240

    lifecycle {
      delete_after = local.is_prod ? 35 : 7
    }
  }

  dynamic "rule" {
    for_each = local.is_prod ? [1] : []

    content {
      rule_name         = "monthly"
      target_vault_name = aws_backup_vault.this.name
      schedule          = "cron(0 5 1 * ? *)"
      start_window      = 60
      completion_window = 240

      lifecycle {
        delete_after = 365
      }
    }
  }
}

resource "aws_backup_selection" "database" {
  name         = "database"
  plan_id      = aws_backup_plan.this.id
  iam_role_arn = aws_iam_role.backup.arn
  resources    = [aws_db_instance.this.arn]
}

resource "aws_iam_role" "backup" {
  name                 = "${local.name}-backup"
  assume_role_policy   = data.aws_iam_policy_document.backup_trust.json
  permissions_boundary = aws_iam_policy.boundary.arn
}

data "aws_iam_policy_document" "backup_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["backup.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

resource "aws_iam_role_policy_attachment" "backup" {
  for_each = toset(["AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForRestores"])

  role       = aws_iam_role.backup.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/${each.key}"
}
