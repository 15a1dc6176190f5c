# IoT Core: what a station and the ingestor may do there, and the rule that puts what stations say on the stream.
#
# Topics, rules and logging are the account's in a region, so there is one environment in it, and things and policies bear
# the project's name: the one under which `solarrally stations provision --aws` looks for them.
#
# `+` and `#` are letters like others in an IoT policy; `*` is its only wildcard, and it crosses levels.

locals {
  this_thing = "$${iot:Connection.Thing.ThingName}"

  station_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "AsItself"
        Effect   = "Allow"
        Action   = "iot:Connect"
        Resource = "${local.iot_arn}:client/${local.this_thing}"
        Condition = {
          Bool                        = { "iot:Connection.Thing.IsAttached" = "true" }
          "ForAllValues:StringEquals" = { "iot:ConnectAttributes" = ["LastWill", "PersistentConnect"] }
        }
      },
      {
        Sid    = "Says"
        Effect = "Allow"
        Action = "iot:Publish"
        Resource = [
          for topic in ["telemetry", "status", "session/*", "results/*"] : "${local.iot_arn}:topic/evse/${local.this_thing}/${topic}"
        ]
      },
      {
        Sid      = "IsRemembered"
        Effect   = "Allow"
        Action   = "iot:RetainPublish"
        Resource = "${local.iot_arn}:topic/evse/${local.this_thing}/status"
      },
      {
        Sid    = "AsksFor"
        Effect = "Allow"
        Action = "iot:Subscribe"
        Resource = [
          for topic in ["commands/*", "acks"] : "${local.iot_arn}:topicfilter/evse/${local.this_thing}/${topic}"
        ]
      },
      {
        Sid    = "Hears"
        Effect = "Allow"
        Action = "iot:Receive"
        Resource = [
          for topic in ["commands/*", "acks"] : "${local.iot_arn}:topic/evse/${local.this_thing}/${topic}"
        ]
      },
    ]
  }

  # It reads the stream; over MQTT it only speaks. Each task has a client id of its own behind this beginning.
  ingestor_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "AsIngestor"
        Effect   = "Allow"
        Action   = "iot:Connect"
        Resource = "${local.iot_arn}:client/${local.ingestor_client_id}-*"
      },
      {
        Sid      = "SpeaksToStations"
        Effect   = "Allow"
        Action   = "iot:Publish"
        Resource = ["${local.iot_arn}:topic/evse/*/commands/*", "${local.iot_arn}:topic/evse/*/acks"]
      },
    ]
  }

  ingestor_client_id = "${local.name}-ingestor"
}

resource "aws_iot_thing_type" "station" {
  name = "${var.project}-station"

  properties {
    description = "A charging station; its thing has its evse_uid for a name"
  }
}

resource "aws_iot_thing_group" "stations" {
  name = "${var.project}-stations"

  properties {
    description = "All stations"
  }
}

resource "aws_iot_policy" "station" {
  name   = "${var.project}-station"
  policy = jsonencode(local.station_policy)
}

resource "aws_iot_policy" "ingestor" {
  name   = "${var.project}-ingestor"
  policy = jsonencode(local.ingestor_policy)
}

# From a signing request, so that the key is in no state and in no output.
resource "aws_iot_certificate" "ingestor" {
  active = true
  csr    = var.ingestor_csr
}

resource "aws_iot_policy_attachment" "ingestor" {
  policy = aws_iot_policy.ingestor.name
  target = aws_iot_certificate.ingestor.arn
}

# -- the rule -------------------------------------------------------------------------------------------

resource "aws_iot_topic_rule" "telemetry" {
  name        = replace("${local.name}_telemetry", "-", "_")
  description = "All that stations say onto the stream, unread"
  enabled     = true
  sql         = "SELECT encode(*, 'base64') AS payload, topic() AS topic, timestamp() AS received_at_ms FROM 'evse/#' WHERE topic(3) <> 'commands' AND topic(3) <> 'acks'"
  sql_version = "2016-03-23"

  kinesis {
    stream_name   = aws_kinesis_stream.telemetry.name
    partition_key = "$${topic(2)}" # the station: its messages share a shard and stay in order
    role_arn      = aws_iam_role.service["iot-rule"].arn
  }

  error_action {
    sqs {
      queue_url  = aws_sqs_queue.failed.id
      role_arn   = aws_iam_role.service["iot-rule"].arn
      use_base64 = false # the message is JSON already, with the original payload in base64
    }
  }

  depends_on = [aws_iam_role_policy.iot_rule]
}

resource "aws_iam_role_policy" "iot_rule" {
  name   = "stream-and-queue"
  role   = aws_iam_role.service["iot-rule"].id
  policy = data.aws_iam_policy_document.iot_rule.json
}

data "aws_iam_policy_document" "iot_rule" {
  statement {
    actions   = ["kinesis:PutRecord"]
    resources = [aws_kinesis_stream.telemetry.arn]
  }

  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.failed.arn]
  }
}

# -- logging --------------------------------------------------------------------------------------------

resource "aws_iot_logging_options" "this" {
  default_log_level = local.is_prod ? "ERROR" : "WARN"
  role_arn          = aws_iam_role.service["iot-logging"].arn
}
