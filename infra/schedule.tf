# What happens at fixed times: staging sleeps at night, exports are written, services restart after a new password.

resource "aws_iam_role_policy" "scheduler" {
  name   = "what-is-scheduled"
  role   = aws_iam_role.service["scheduler"].id
  policy = data.aws_iam_policy_document.scheduler.json
}

data "aws_iam_policy_document" "scheduler" {
  statement {
    sid       = "Export"
    actions   = ["ecs:RunTask"]
    resources = ["${aws_ecs_task_definition.this["export"].arn_without_revision}:*"]
  }

  statement {
    sid       = "GiveItsRoles"
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.task["export"].arn, aws_iam_role.execution["export"].arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }

  statement {
    sid       = "Restart"
    actions   = ["ecs:UpdateService"]
    resources = [for service in aws_ecs_service.this : service.id]
  }

  dynamic "statement" {
    for_each = local.sleeps_at_night ? [1] : []

    content {
      sid       = "DatabaseSleeps"
      actions   = ["rds:StopDBInstance", "rds:StartDBInstance"]
      resources = [aws_db_instance.this.arn]
    }
  }
}

# -- exports --------------------------------------------------------------------------------------------

resource "aws_scheduler_schedule" "export" {
  name                         = "${local.name}-export"
  description                  = "Yesterday's sessions and readings for analysts"
  schedule_expression          = "cron(30 ${local.sleeps_at_night ? 14 : 6} * * ? *)" # staging: while it is awake
  schedule_expression_timezone = "UTC"

  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 15
  }

  target {
    arn      = aws_ecs_cluster.this.arn
    role_arn = aws_iam_role.service["scheduler"].arn

    ecs_parameters {
      task_definition_arn = aws_ecs_task_definition.this["export"].arn_without_revision
      launch_type         = "FARGATE"
      platform_version    = "LATEST"

      network_configuration {
        subnets          = aws_subnet.private[*].id
        security_groups  = [aws_security_group.this["jobs"].id]
        assign_public_ip = false
      }
    }

    retry_policy {
      maximum_retry_attempts = 3
    }
  }
}

# -- after a new password -------------------------------------------------------------------------------

resource "aws_scheduler_schedule" "restart" {
  for_each = var.has_fixed_password_rotation ? aws_ecs_service.this : {}

  name                         = "${local.name}-${each.key}-restart"
  description                  = "Tasks learn the database's password at their start; rds.tf changes it in the hour before"
  schedule_expression          = "cron(5 9 1 * ? *)"
  schedule_expression_timezone = "UTC"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${local.partition}:scheduler:::aws-sdk:ecs:updateService"
    role_arn = aws_iam_role.service["scheduler"].arn
    input    = jsonencode({ Cluster = aws_ecs_cluster.this.name, Service = each.value.name, ForceNewDeployment = true })
  }
}

# -- staging's night ------------------------------------------------------------------------------------

locals {
  sleeps_at_night = !local.is_prod

  # Tasks go first and come last: what they need is there while they are.
  night = {
    sleep          = "cron(0 ${var.night.sleep_hour} * * ? *)"
    database_stop  = "cron(15 ${var.night.sleep_hour} * * ? *)" # each day: RDS starts a stopped instance after 7 days
    database_start = "cron(30 ${(var.night.wake_hour + 23) % 24} ? * ${var.night.wake_days} *)"
    wake           = "cron(0 ${var.night.wake_hour} ? * ${var.night.wake_days} *)"
  }
}

resource "aws_appautoscaling_scheduled_action" "sleep" {
  for_each = local.sleeps_at_night ? aws_appautoscaling_target.tasks : {}

  name               = "${local.name}-${each.key}-sleep"
  service_namespace  = each.value.service_namespace
  scalable_dimension = each.value.scalable_dimension
  resource_id        = each.value.resource_id
  schedule           = local.night.sleep
  timezone           = var.night.timezone

  scalable_target_action {
    min_capacity = 0
    max_capacity = 0
  }
}

resource "aws_appautoscaling_scheduled_action" "wake" {
  for_each = local.sleeps_at_night ? aws_appautoscaling_target.tasks : {}

  name               = "${local.name}-${each.key}-wake"
  service_namespace  = each.value.service_namespace
  scalable_dimension = each.value.scalable_dimension
  resource_id        = each.value.resource_id
  schedule           = local.night.wake
  timezone           = var.night.timezone

  scalable_target_action {
    min_capacity = each.value.min_capacity
    max_capacity = each.value.max_capacity
  }

  depends_on = [aws_appautoscaling_scheduled_action.sleep] # Application Auto Scaling takes one at a time for a target
}

resource "aws_scheduler_schedule" "database" {
  for_each = local.sleeps_at_night ? {
    stop  = local.night.database_stop
    start = local.night.database_start
  } : {}

  name                         = "${local.name}-database-${each.key}"
  schedule_expression          = each.value
  schedule_expression_timezone = var.night.timezone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${local.partition}:scheduler:::aws-sdk:rds:${each.key}DBInstance"
    role_arn = aws_iam_role.service["scheduler"].arn
    input    = jsonencode({ DbInstanceIdentifier = aws_db_instance.this.identifier })
  }
}
