# Tasks by processor load: one more above 70 %, one fewer below 30 %. Shards are not scaled: README.md, Scale.

locals {
  scaled = { api = var.api, ingest = var.ingest }

  # Steps: how far beyond the threshold, in points, and how many tasks more.
  ways = {
    out = {
      text       = "No alarm for people: it adds a task"
      operator   = "GreaterThanThreshold"
      threshold  = 70
      minutes    = 2
      cooldown_s = 120
      steps      = [{ from = 0, to = 20, tasks = 1 }, { from = 20, to = null, tasks = 2 }]
    }
    in = {
      text       = "No alarm for people: it takes a task away"
      operator   = "LessThanThreshold"
      threshold  = 30
      minutes    = 10
      cooldown_s = 600 # WebSockets of the task that goes must find another: not too often
      steps      = [{ from = null, to = 0, tasks = -1 }]
    }
  }

  scaling = merge([
    for way, rule in local.ways : { for service in keys(local.scaled) : "${service}-${way}" => merge(rule, { service = service, way = way }) }
  ]...)
}

resource "aws_appautoscaling_target" "tasks" {
  for_each = local.scaled

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this[each.key].name}"
  min_capacity       = each.value.min_tasks
  max_capacity       = each.value.max_tasks # schedule.tf sets both to 0 at night: an apply then wakes staging
}

resource "aws_appautoscaling_policy" "cpu" {
  for_each = local.scaling

  name               = "${local.name}-${each.key}"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.tasks[each.value.service].service_namespace
  scalable_dimension = aws_appautoscaling_target.tasks[each.value.service].scalable_dimension
  resource_id        = aws_appautoscaling_target.tasks[each.value.service].resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    metric_aggregation_type = "Average"
    cooldown                = each.value.cooldown_s

    dynamic "step_adjustment" {
      for_each = each.value.steps

      content {
        metric_interval_lower_bound = step_adjustment.value.from
        metric_interval_upper_bound = step_adjustment.value.to
        scaling_adjustment          = step_adjustment.value.tasks
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "cpu" {
  for_each = local.scaling

  alarm_name          = "${local.name}-${each.value.service}-scale-${each.value.way}"
  alarm_description   = each.value.text
  namespace           = "AWS/ECS"
  metric_name         = "CPUUtilization"
  dimensions          = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.this[each.value.service].name }
  statistic           = "Average"
  period              = 60
  evaluation_periods  = each.value.minutes
  comparison_operator = each.value.operator
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.cpu[each.key].arn]
}
