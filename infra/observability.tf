# What is seen from outside: logs with an end, alarms that reach people, and a dashboard of the signs of life.

# -- logs -----------------------------------------------------------------------------------------------

resource "aws_cloudwatch_log_group" "task" {
  for_each = toset(["api", "ingest", "migrate", "export"])

  name              = "/${local.name}/${each.key}"
  retention_in_days = var.log_retention_days
}

# Logs of AWS's services, under the names that these insist on; only that of refused packets is ours.
resource "aws_cloudwatch_log_group" "service" {
  for_each = {
    iot             = "AWSIotLogsV2"
    rds-postgresql  = "/aws/rds/instance/${local.name}/postgresql"
    rds-upgrade     = "/aws/rds/instance/${local.name}/upgrade"
    refused-packets = "/${local.name}/refused-packets"
    waf             = "aws-waf-logs-${local.name}"
  }

  name              = each.value
  retention_in_days = var.log_retention_days
}

locals {
  # role: the log that it is for.
  log_writers = {
    flow-log    = aws_cloudwatch_log_group.service["refused-packets"].arn
    iot-logging = aws_cloudwatch_log_group.service["iot"].arn
  }
}

resource "aws_iam_role_policy" "write_logs" {
  for_each = local.log_writers

  name   = "write-logs"
  role   = aws_iam_role.service[each.key].id
  policy = data.aws_iam_policy_document.write_logs[each.key].json
}

data "aws_iam_policy_document" "write_logs" {
  for_each = local.log_writers

  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    resources = ["${each.value}:*"]
  }
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
  # Who counts: a namespace, and the dimensions that it knows us by.
  counted_by = {
    api_tasks   = { namespace = "AWS/ApplicationELB", dimensions = { LoadBalancer = aws_lb.api.arn_suffix, TargetGroup = aws_lb_target_group.api.arn_suffix } }
    balancer    = { namespace = "AWS/ApplicationELB", dimensions = { LoadBalancer = aws_lb.api.arn_suffix } }
    stream      = { namespace = "AWS/Kinesis", dimensions = { StreamName = aws_kinesis_stream.telemetry.name } }
    failed      = { namespace = "AWS/SQS", dimensions = { QueueName = aws_sqs_queue.failed.name } }
    unreadable  = { namespace = "AWS/SQS", dimensions = { QueueName = aws_sqs_queue.unreadable.name } }
    vault       = { namespace = "AWS/Backup", dimensions = { BackupVaultName = aws_backup_vault.this.name } }
    database    = { namespace = "AWS/RDS", dimensions = { DBInstanceIdentifier = aws_db_instance.this.identifier } }
    iot         = { namespace = "AWS/IoT", dimensions = { Protocol = "MQTT" } }
    api         = { namespace = "AWS/ECS", dimensions = { ClusterName = aws_ecs_cluster.this.name, ServiceName = "api" } }
    ingest      = { namespace = "AWS/ECS", dimensions = { ClusterName = aws_ecs_cluster.this.name, ServiceName = "ingest" } }
    api_runs    = { namespace = "ECS/ContainerInsights", dimensions = { ClusterName = aws_ecs_cluster.this.name, ServiceName = "api" } }
    ingest_runs = { namespace = "ECS/ContainerInsights", dimensions = { ClusterName = aws_ecs_cluster.this.name, ServiceName = "ingest" } }
  }

  # minutes: how long it must last. Silence is an alarm where it means that something has stopped, and not in staging,
  # which sleeps at night.
  alarms = {
    no-api = {
      text     = "No task of the API is ready"
      by       = "api_tasks", metric = "HealthyHostCount", statistic = "Minimum"
      operator = "LessThanThreshold", threshold = 1, minutes = 3, silence_is_alarm = local.is_prod
    }
    api-errors = {
      text     = "The API answers with 5xx"
      by       = "balancer", metric = "HTTPCode_Target_5XX_Count", statistic = "Sum"
      operator = "GreaterThanThreshold", threshold = 10, minutes = 5, silence_is_alarm = false
    }
    api-slow = {
      text     = "One request in a hundred takes longer than 2 s"
      by       = "balancer", metric = "TargetResponseTime", statistic = "p99"
      operator = "GreaterThanThreshold", threshold = 2, minutes = 10, silence_is_alarm = false
    }
    ingest-lag = {
      text     = "The oldest message on the stream waits for longer than a minute. docs/operations.md, IngestLag"
      by       = "stream", metric = "GetRecords.IteratorAgeMilliseconds", statistic = "Maximum"
      operator = "GreaterThanThreshold", threshold = 60000, minutes = 5, silence_is_alarm = local.is_prod # nobody reads
    }
    nothing-received = {
      text     = "No station says anything. docs/operations.md, NothingReceived"
      by       = "stream", metric = "IncomingRecords", statistic = "Sum"
      operator = "LessThanThreshold", threshold = 1, minutes = 10, silence_is_alarm = local.is_prod
    }
    stream-full = {
      text     = "A shard takes no more: messages go to the queue of failed actions. README.md, Scale"
      by       = "stream", metric = "WriteProvisionedThroughputExceeded", statistic = "Sum"
      operator = "GreaterThanThreshold", threshold = 0, minutes = 5, silence_is_alarm = false
    }
    failed-actions = {
      text     = "Messages that the rule could not put on the stream wait for longer than 15 minutes"
      by       = "failed", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum"
      operator = "GreaterThanThreshold", threshold = 900, minutes = 5, silence_is_alarm = false
    }
    unreadable-actions = {
      text     = "Messages that were taken ten times and never settled"
      by       = "unreadable", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum"
      operator = "GreaterThanThreshold", threshold = 0, minutes = 5, silence_is_alarm = false
    }
    backup-failed = {
      text     = "A backup of the database came to nothing"
      by       = "vault", metric = "NumberOfBackupJobsFailed", statistic = "Sum"
      operator = "GreaterThanThreshold", threshold = 0, minutes = 1, silence_is_alarm = false
    }
    database-cpu = {
      text     = "The database's processor is busy"
      by       = "database", metric = "CPUUtilization", statistic = "Average"
      operator = "GreaterThanThreshold", threshold = 85, minutes = 15, silence_is_alarm = false
    }
    database-disk = {
      text     = "Less than 5 GiB of the database's disk are free: it grows by itself, to database.max_storage_gib"
      by       = "database", metric = "FreeStorageSpace", statistic = "Minimum"
      operator = "LessThanThreshold", threshold = 5 * pow(1024, 3), minutes = 5, silence_is_alarm = false
    }
    database-memory = {
      text     = "Less than 100 MiB of the database's memory are free"
      by       = "database", metric = "FreeableMemory", statistic = "Minimum"
      operator = "LessThanThreshold", threshold = 100 * pow(1024, 2), minutes = 15, silence_is_alarm = false
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = local.counted_by[each.value.by].namespace
  metric_name         = each.value.metric
  dimensions          = local.counted_by[each.value.by].dimensions
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
  # title, and what is drawn: who counts, what, and which statistic of it
  graphs = [
    ["Messages on the stream, a minute", [["stream", "IncomingRecords", "Sum"], ["stream", "GetRecords.Records", "Sum"]]],
    ["How late ingestion is, ms", [["stream", "GetRecords.IteratorAgeMilliseconds", "Maximum"]]],
    ["Failed actions waiting", [for queue in ["failed", "unreadable"] : [queue, "ApproximateNumberOfMessagesVisible", "Maximum"]]],
    ["Stations connected, and refused", [["iot", "Connect.Success", "Sum"], ["iot", "Connect.AuthError", "Sum"]]],
    ["Requests and errors, a minute", [
      for metric in ["RequestCount", "HTTPCode_Target_4XX_Count", "HTTPCode_Target_5XX_Count"] : ["balancer", metric, "Sum"]
    ]],
    ["Answer time, s", [for statistic in ["p50", "p99"] : ["balancer", "TargetResponseTime", statistic]]],
    ["Processor of the tasks, %", [for service in ["api", "ingest"] : [service, "CPUUtilization", "Average"]]],
    ["Running tasks", [for service in ["api_runs", "ingest_runs"] : [service, "RunningTaskCount", "Average"]]],
    ["Database: processor, %", [["database", "CPUUtilization", "Average"]]],
    ["Database: free disk, bytes", [["database", "FreeStorageSpace", "Minimum"]]],
    ["Database: time of a write to its disk, s", [["database", "WriteLatency", "p99"]]],
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
          title = graph[0]
          metrics = [
            for line in graph[1] : concat(
              [local.counted_by[line[0]].namespace, line[1]], flatten([for name, value in local.counted_by[line[0]].dimensions : [name, value]]), [{ stat = line[2] }]
            )
          ]
          region = var.region
          view   = "timeSeries"
          period = 60
        }
      }
    ]
  })
}
