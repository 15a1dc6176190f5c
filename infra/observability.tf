# What is seen from outside: logs with an end, alarms that reach people, and a dashboard of the signs of life.

# -- logs -----------------------------------------------------------------------------------------------

resource "aws_cloudwatch_log_group" "task" {
  for_each = toset(["api", "ingest", "migrate", "export"])

  name              = "/${local.name}/${each.key}"
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_group" "rds" {
  for_each = toset(["postgresql", "upgrade"])

  name              = "/aws/rds/instance/${local.name}/${each.key}" # RDS's own name for it
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_group" "flow" {
  name              = "/${local.name}/refused-packets"
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_group" "waf" {
  name              = "aws-waf-logs-${local.name}" # WAF insists on this beginning
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_group" "iot" {
  name              = "AWSIotLogsV2" # IoT's own name for it
  retention_in_days = var.log_retention_days
}

# Events of the log (docs/operations.md) that CloudWatch's own figures do not show.
locals {
  log_events = {
    database_unavailable = { task = "ingest", threshold = 3, text = "Ingestion cannot commit; nothing is lost, the stream keeps it. docs/operations.md, DatabaseDown" }
    readings_conflict    = { task = "ingest", threshold = 1, text = "Two writers on one database. docs/operations.md, TwoWriters" }
    refusal_not_recorded = { task = "api", threshold = 1, text = "Refused accesses could not be written to the audit log. docs/security.md" }
  }
}

resource "aws_cloudwatch_log_metric_filter" "event" {
  for_each = local.log_events

  name           = "${local.name}-${each.key}"
  log_group_name = aws_cloudwatch_log_group.task[each.value.task].name
  pattern        = "{ $.event = \"${each.key}\" }"

  metric_transformation {
    namespace     = local.name
    name          = each.key
    value         = "1"
    default_value = "0"
  }
}

# -- alarms ---------------------------------------------------------------------------------------------

resource "aws_sns_topic" "alarms" {
  name              = "${local.name}-alarms"
  kms_master_key_id = aws_kms_key.data.arn
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

data "aws_iam_policy_document" "alarms" {
  statement {
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

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

resource "aws_sns_topic_subscription" "mail" {
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

locals {
  database_dimensions = { DBInstanceIdentifier = aws_db_instance.this.identifier }
  alb_dimensions      = { LoadBalancer = aws_lb.api.arn_suffix }
  stream_dimensions   = { StreamName = aws_kinesis_stream.telemetry.name }

  # minutes: how long it must last. Silence is an alarm where it means that something has stopped, and not in staging,
  # which sleeps at night.
  alarms = {
    no-api = {
      text       = "No task of the API is ready"
      namespace  = "AWS/ApplicationELB", metric = "HealthyHostCount", statistic = "Minimum"
      dimensions = merge(local.alb_dimensions, { TargetGroup = aws_lb_target_group.api.arn_suffix })
      operator   = "LessThanThreshold", threshold = 1, minutes = 3, silence_is_alarm = local.is_prod
    }
    api-errors = {
      text       = "The API answers with 5xx"
      namespace  = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", statistic = "Sum"
      dimensions = local.alb_dimensions
      operator   = "GreaterThanThreshold", threshold = 10, minutes = 5, silence_is_alarm = false
    }
    api-slow = {
      text       = "One request in a hundred takes longer than 2 s"
      namespace  = "AWS/ApplicationELB", metric = "TargetResponseTime", statistic = "p99"
      dimensions = local.alb_dimensions
      operator   = "GreaterThanThreshold", threshold = 2, minutes = 10, silence_is_alarm = false
    }
    ingest-lag = {
      text       = "The oldest message on the stream waits for longer than a minute. docs/operations.md, IngestLag"
      namespace  = "AWS/Kinesis", metric = "GetRecords.IteratorAgeMilliseconds", statistic = "Maximum"
      dimensions = local.stream_dimensions
      operator   = "GreaterThanThreshold", threshold = 60000, minutes = 5, silence_is_alarm = local.is_prod # nobody reads
    }
    nothing-received = {
      text       = "No station says anything. docs/operations.md, NothingReceived"
      namespace  = "AWS/Kinesis", metric = "IncomingRecords", statistic = "Sum"
      dimensions = local.stream_dimensions
      operator   = "LessThanThreshold", threshold = 1, minutes = 10, silence_is_alarm = local.is_prod
    }
    stream-full = {
      text       = "A shard takes no more: messages go to the queue of failed actions. README.md, Scale"
      namespace  = "AWS/Kinesis", metric = "WriteProvisionedThroughputExceeded", statistic = "Sum"
      dimensions = local.stream_dimensions
      operator   = "GreaterThanThreshold", threshold = 0, minutes = 5, silence_is_alarm = false
    }
    failed-actions = {
      text       = "Messages that the rule could not put on the stream wait for longer than 15 minutes"
      namespace  = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum"
      dimensions = { QueueName = aws_sqs_queue.failed.name }
      operator   = "GreaterThanThreshold", threshold = 900, minutes = 5, silence_is_alarm = false
    }
    unreadable-actions = {
      text       = "Messages that were taken ten times and never settled"
      namespace  = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum"
      dimensions = { QueueName = aws_sqs_queue.unreadable.name }
      operator   = "GreaterThanThreshold", threshold = 0, minutes = 5, silence_is_alarm = false
    }
    backup-failed = {
      text       = "A backup of the database came to nothing"
      namespace  = "AWS/Backup", metric = "NumberOfBackupJobsFailed", statistic = "Sum"
      dimensions = { BackupVaultName = aws_backup_vault.this.name }
      operator   = "GreaterThanThreshold", threshold = 0, minutes = 1, silence_is_alarm = false
    }
    database-cpu = {
      text       = "The database's processor is busy"
      namespace  = "AWS/RDS", metric = "CPUUtilization", statistic = "Average"
      dimensions = local.database_dimensions
      operator   = "GreaterThanThreshold", threshold = 85, minutes = 15, silence_is_alarm = false
    }
    database-disk = {
      text       = "Less than 5 GiB of the database's disk are free: it grows by itself, to database.max_storage_gib"
      namespace  = "AWS/RDS", metric = "FreeStorageSpace", statistic = "Minimum"
      dimensions = local.database_dimensions
      operator   = "LessThanThreshold", threshold = 5 * pow(1024, 3), minutes = 5, silence_is_alarm = false
    }
    database-memory = {
      text       = "Less than 100 MiB of the database's memory are free"
      namespace  = "AWS/RDS", metric = "FreeableMemory", statistic = "Minimum"
      dimensions = local.database_dimensions
      operator   = "LessThanThreshold", threshold = 100 * pow(1024, 2), minutes = 15, silence_is_alarm = false
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  comparison_operator = each.value.operator
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.minutes
  treat_missing_data  = each.value.silence_is_alarm ? "breaching" : "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "event" {
  for_each = local.log_events

  alarm_name          = "${local.name}-${replace(each.key, "_", "-")}"
  alarm_description   = each.value.text
  namespace           = local.name
  metric_name         = aws_cloudwatch_log_metric_filter.event[each.key].metric_transformation[0].name
  statistic           = "Sum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

# -- dashboard ------------------------------------------------------------------------------------------

locals {
  # title, and what is drawn: [namespace, metric, dimension, value, …, options]
  graphs = [
    ["Messages on the stream, a minute", [
      ["AWS/Kinesis", "IncomingRecords", "StreamName", aws_kinesis_stream.telemetry.name, { stat = "Sum" }],
      ["AWS/Kinesis", "GetRecords.Records", "StreamName", aws_kinesis_stream.telemetry.name, { stat = "Sum" }],
    ]],
    ["How late ingestion is, ms", [
      ["AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", "StreamName", aws_kinesis_stream.telemetry.name, { stat = "Maximum" }],
    ]],
    ["Failed actions waiting", [
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.failed.name, { stat = "Maximum" }],
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.unreadable.name, { stat = "Maximum" }],
    ]],
    ["Stations connected, and refused", [
      ["AWS/IoT", "Connect.Success", "Protocol", "MQTT", { stat = "Sum" }],
      ["AWS/IoT", "Connect.AuthError", "Protocol", "MQTT", { stat = "Sum" }],
    ]],
    ["Requests and errors, a minute", [
      ["AWS/ApplicationELB", "RequestCount", "LoadBalancer", aws_lb.api.arn_suffix, { stat = "Sum" }],
      ["AWS/ApplicationELB", "HTTPCode_Target_4XX_Count", "LoadBalancer", aws_lb.api.arn_suffix, { stat = "Sum" }],
      ["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "LoadBalancer", aws_lb.api.arn_suffix, { stat = "Sum" }],
    ]],
    ["Answer time, s", [
      ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", aws_lb.api.arn_suffix, { stat = "p50" }],
      ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", aws_lb.api.arn_suffix, { stat = "p99" }],
    ]],
    ["Processor of the tasks, %", [
      for name in ["api", "ingest"] : ["AWS/ECS", "CPUUtilization", "ClusterName", aws_ecs_cluster.this.name, "ServiceName", name, { stat = "Average" }]
    ]],
    ["Running tasks", [
      for name in ["api", "ingest"] : ["ECS/ContainerInsights", "RunningTaskCount", "ClusterName", aws_ecs_cluster.this.name, "ServiceName", name, { stat = "Average" }]
    ]],
    ["Database: processor, %", [
      ["AWS/RDS", "CPUUtilization", "DBInstanceIdentifier", aws_db_instance.this.identifier, { stat = "Average" }],
    ]],
    ["Database: free disk, bytes", [
      ["AWS/RDS", "FreeStorageSpace", "DBInstanceIdentifier", aws_db_instance.this.identifier, { stat = "Minimum" }],
    ]],
    ["Database: commit latency, s", [
      ["AWS/RDS", "WriteLatency", "DBInstanceIdentifier", aws_db_instance.this.identifier, { stat = "p99" }],
    ]],
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.name

  dashboard_body = jsonencode({
    widgets = [
      for index, graph in local.graphs : {
        type   = "metric"
        x      = (index % 3) * 8
        y      = floor(index / 3) * 6
        width  = 8
        height = 6
        properties = {
          title   = graph[0]
          metrics = graph[1]
          region  = var.region
          view    = "timeSeries"
          period  = 60
        }
      }
    ]
  })
}
