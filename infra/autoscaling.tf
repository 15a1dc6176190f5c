# Tasks by processor load: one more above 70 %, one fewer below 30 %. Shards are not scaled: README.md, Scale.

locals {
  cpu_high_percent = 70
  cpu_low_percent  = 30

  scaled = { api = var.api, ingest = var.ingest }
}

resource "aws_appautoscaling_target" "tasks" {
  for_each = local.scaled

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this[each.key].name}"
  min_capacity       = each.value.min_tasks
  max_capacity       = each.value.max_tasks # schedule.tf sets both to 0 at night: an apply then wakes staging
}

resource "aws_appautoscaling_policy" "out" {
  for_each = local.scaled

  name               = "${local.name}-${each.key}-out"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.tasks[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.tasks[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.tasks[each.key].resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    metric_aggregation_type = "Average"
    cooldown                = 120

    step_adjustment { # 70 % to 90 %
      metric_interval_lower_bound = 0
      metric_interval_upper_bound = 20
      scaling_adjustment          = 1
    }

    step_adjustment { # above
      metric_interval_lower_bound = 20
      scaling_adjustment          = 2
    }
  }
}

resource "aws_appautoscaling_policy" "in" {
  for_each = local.scaled

  name               = "${local.name}-${each.key}-in"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.tasks[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.tasks[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.tasks[each.key].resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    metric_aggregation_type = "Average"
    cooldown                = 600 # WebSockets of the task that goes must find another: not too often

    step_adjustment {
      metric_interval_upper_bound = 0
      scaling_adjustment          = -1
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "cpu_high" {
  for_each = local.scaled

  alarm_name          = "${local.name}-${each.key}-scale-out"
  alarm_description   = "No alarm for people: it adds a task"
  namespace           = "AWS/ECS"
  metric_name         = "CPUUtilization"
  dimensions          = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.this[each.key].name }
  statistic           = "Average"
  period              = 60
  evaluation_periods  = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.cpu_high_percent
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.out[each.key].arn]
}

resource "aws_cloudwatch_metric_alarm" "cpu_low" {
  for_each = local.scaled

  alarm_name          = "${local.name}-${each.key}-scale-in"
  alarm_description   = "No alarm for people: it takes a task away"
  namespace           = "AWS/ECS"
  metric_name         = "CPUUtilization"
  dimensions          = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.this[each.key].name }
  statistic           = "Average"
  period              = 60
  evaluation_periods  = 10
  comparison_operator = "LessThanThreshold"
  threshold           = local.cpu_low_percent
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.in[each.key].arn]
}
