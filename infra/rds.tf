# PostgreSQL: encrypted, TLS only, in subnets that lead nowhere; its password is made and kept by RDS.

locals {
  database_name = "solarrally"
  database_user = "solarrally"

  database_secret_arn = one(aws_db_instance.this.master_user_secret[*].secret_arn)
}

resource "aws_db_subnet_group" "this" {
  name       = local.name
  subnet_ids = aws_subnet.database[*].id
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${local.name}-"
  family      = "postgres${var.database_version}"
  description = "TLS only; slow statements and lock waits in the log"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "1000" # ms
  }

  parameter {
    name  = "log_lock_waits"
    value = "1"
  }

  parameter {
    name  = "log_statement"
    value = "ddl"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "this" {
  identifier     = local.name
  engine         = "postgres"
  engine_version = var.database_version
  instance_class = var.database.instance_class
  db_name        = local.database_name
  port           = 5432

  storage_type          = "gp3"
  allocated_storage     = var.database.storage_gib
  max_allocated_storage = var.database.max_storage_gib
  storage_encrypted     = true
  kms_key_id            = aws_kms_key.data.arn

  username                      = local.database_user
  manage_master_user_password   = true
  master_user_secret_kms_key_id = aws_kms_key.data.key_id
  ca_cert_identifier            = "rds-ca-rsa2048-g1"

  multi_az               = local.is_prod
  publicly_accessible    = false
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.this["database"].id]
  parameter_group_name   = aws_db_parameter_group.this.name

  backup_retention_period   = var.database.backup_days
  backup_window             = "06:00-06:30" # UTC: night in Jamaica
  maintenance_window        = "sun:07:00-sun:08:00"
  copy_tags_to_snapshot     = true
  deletion_protection       = local.is_prod
  skip_final_snapshot       = !local.is_prod
  final_snapshot_identifier = local.is_prod ? "${local.name}-final" : null
  delete_automated_backups  = !local.is_prod

  auto_minor_version_upgrade  = true
  allow_major_version_upgrade = false
  apply_immediately           = !local.is_prod

  performance_insights_enabled    = true
  performance_insights_kms_key_id = aws_kms_key.data.arn
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]
  monitoring_interval             = 60
  monitoring_role_arn             = aws_iam_role.service["rds-monitoring"].arn

  depends_on = [aws_cloudwatch_log_group.service]
}

# RDS changes a managed password every 7 days unless told when. A container gets it at its start only, so the change
# has a fixed time and schedule.tf restarts the services after it.
resource "aws_secretsmanager_secret_rotation" "database" {
  count = var.has_fixed_password_rotation ? 1 : 0

  secret_id          = local.database_secret_arn
  rotate_immediately = false

  rotation_rules {
    schedule_expression = "cron(0 8 1 * ? *)" # UTC
    duration            = "1h"
  }
}
