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
  iam_role_arn = aws_iam_role.service["backup"].arn
  resources    = [aws_db_instance.this.arn]
}
