# What IoT Core lets stations and the ingestor do, and what the rule does with what they say.

mock_provider "aws" {
  source = "./tests/aws"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/aws"
}

variables {
  environment        = "prod"
  domain_name        = "charge.example.org"
  image_tag          = "0123456789ab"
  alarm_emails       = ["operations@example.org"]
  monthly_budget_usd = 400
  ingestor_csr       = "-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----"
}

run "a_station_is_held_to_its_name_and_its_messages_to_their_order" {
  command = plan

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iot_policy.station.policy).Statement : alltrue([
        for resource in flatten([statement.Resource]) :
        can(regex("^arn:aws:iot:us-east-1:123456789012:(client/|(topic|topicfilter)/evse/)\\$\\{iot:Connection\\.Thing\\.ThingName\\}(/|$)", resource))
      ])
    ])
    error_message = "the policy of stations names something that is not below the station's own name"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iot_policy.station.policy).Statement :
      statement.Action != "iot:Connect" || try(statement.Condition.Bool["iot:Connection.Thing.IsAttached"], "") == "true"
    ])
    error_message = "a certificate can connect that is attached to no thing"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iot_policy.station.policy).Statement : alltrue([
        for resource in flatten([statement.Resource]) : statement.Action != "iot:Publish" || !can(regex("(commands|acks|ThingName\\}/\\*)", resource))
      ])
    ])
    error_message = "a station can give commands or acknowledge its own messages"
  }

  assert {
    condition     = length(aws_iot_policy.station.policy) < 2048
    error_message = "IoT takes policies of 2,048 bytes at most"
  }

  assert {
    condition     = !can(regex("[+#]", aws_iot_policy.station.policy)) && !can(regex("[+#]", aws_iot_policy.ingestor.policy))
    error_message = "+ and # are letters in an IoT policy: * is its wildcard"
  }

  assert {
    condition = flatten([
      for statement in jsondecode(aws_iot_policy.ingestor.policy).Statement : statement.Resource if statement.Action == "iot:Publish"
    ]) == ["arn:aws:iot:us-east-1:123456789012:topic/evse/*/commands/*", "arn:aws:iot:us-east-1:123456789012:topic/evse/*/acks"]
    error_message = "the ingestor can publish telemetry"
  }

  assert {
    condition     = aws_iot_topic_rule.telemetry.sql == "SELECT encode(*, 'base64') AS payload, topic() AS topic, timestamp() AS received_at_ms FROM 'evse/#' WHERE topic(3) <> 'commands' AND topic(3) <> 'acks'"
    error_message = "the ingestor reads records of another shape"
  }

  assert {
    condition     = aws_iot_topic_rule.telemetry.sql_version == "2016-03-23" && aws_iot_topic_rule.telemetry.enabled
    error_message = "another version of SQL, or a rule that is switched off"
  }

  assert {
    condition     = one(aws_iot_topic_rule.telemetry.kinesis).partition_key == "$${topic(2)}"
    error_message = "a station's messages do not share a shard"
  }

  assert {
    condition     = length(aws_iot_topic_rule.telemetry.error_action[0].sqs) == 1 && aws_sqs_queue.failed.message_retention_seconds == 1209600 && aws_sqs_queue.unreadable.message_retention_seconds == 1209600
    error_message = "what the stream refuses is lost, or not kept for 14 days"
  }

  assert {
    condition     = aws_iot_certificate.ingestor.active && aws_iot_certificate.ingestor.csr == var.ingestor_csr && aws_iot_policy_attachment.ingestor.policy == "solarrally-ingestor"
    error_message = "the ingestor has no certificate of its own key"
  }
}
