# What prod has whatever its variables say, what staging spares, and what both scale by.

mock_provider "aws" {
  source = "./tests/aws"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/aws"
}

variables {
  domain_name        = "charge.example.org"
  image_tag          = "0123456789ab"
  alarm_emails       = ["operations@example.org"]
  ingestor_csr       = "-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----"
  monthly_budget_usd = 400
  api                = { cpu = 512, memory_mib = 1024, min_tasks = 2, max_tasks = 6 }
  ingest             = { cpu = 512, memory_mib = 1024, min_tasks = 1, max_tasks = 3 }
}

run "prod_survives_a_zone_and_a_mistake_and_never_sleeps" {
  command = plan

  variables {
    environment = "prod"
  }

  assert {
    condition     = aws_db_instance.this.multi_az
    error_message = "the database of prod stands in one zone"
  }

  assert {
    condition     = aws_db_instance.this.deletion_protection && aws_lb.api.enable_deletion_protection
    error_message = "prod can be deleted by one call"
  }

  assert {
    condition     = !aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.final_snapshot_identifier == "solarrally-prod-final"
    error_message = "prod's database can go without a last snapshot"
  }

  assert {
    condition     = !aws_db_instance.this.delete_automated_backups && !aws_db_instance.this.apply_immediately
    error_message = "prod's backups go with the database, or changes restart it by day"
  }

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.this : !bucket.force_destroy]) && !aws_ecr_repository.this.force_delete && !aws_backup_vault.this.force_destroy
    error_message = "a destroy empties prod's buckets, images or backups"
  }

  assert {
    condition     = length(aws_appautoscaling_scheduled_action.sleep) == 0 && length(aws_scheduler_schedule.database) == 0
    error_message = "prod has a night"
  }

  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.cpu) == ["api-in", "api-out", "ingest-in", "ingest-out"]
    error_message = "a service does not grow, or does not shrink"
  }

  assert {
    condition = alltrue([
      for name, alarm in aws_cloudwatch_metric_alarm.cpu :
      alarm.metric_name == "CPUUtilization" && alarm.threshold == 70 && alarm.comparison_operator == "GreaterThanThreshold" if endswith(name, "-out")
    ])
    error_message = "tasks are not added above 70 %"
  }

  assert {
    condition = alltrue([
      for name, alarm in aws_cloudwatch_metric_alarm.cpu :
      alarm.metric_name == "CPUUtilization" && alarm.threshold == 30 && alarm.comparison_operator == "LessThanThreshold" if endswith(name, "-in")
    ])
    error_message = "tasks are not taken away below 30 %"
  }

  assert {
    condition = alltrue([
      for name, policy in aws_appautoscaling_policy.cpu :
      endswith(name, "-in") ? one(policy.step_scaling_policy_configuration[0].step_adjustment[*].scaling_adjustment) == -1 :
      min([for step in policy.step_scaling_policy_configuration[0].step_adjustment : step.scaling_adjustment]...) >= 1
    ])
    error_message = "the policies do not do what the alarms are for"
  }

  assert {
    condition     = aws_appautoscaling_target.tasks["api"].min_capacity == 2 && aws_appautoscaling_target.tasks["api"].max_capacity == 6
    error_message = "the bounds are not those of the variables"
  }

  assert {
    condition = alltrue([
      for service in aws_ecs_service.this :
      !service.network_configuration[0].assign_public_ip && service.deployment_circuit_breaker[0].enable && service.deployment_circuit_breaker[0].rollback
    ])
    error_message = "a task has a public address, or a broken deployment stays"
  }

  assert {
    condition     = aws_lb.api.idle_timeout > 60 && aws_lb.api.drop_invalid_header_fields
    error_message = "the load balancer closes a live WebSocket before the API would (docs/live-protocol.md: 60 s)"
  }

  assert {
    condition     = startswith(aws_lb_listener.https.ssl_policy, "ELBSecurityPolicy-TLS13-1-2") && aws_lb_listener.http.default_action[0].type == "redirect"
    error_message = "TLS older than 1.2, or HTTP that is answered"
  }

  assert {
    condition     = strcontains(aws_cloudfront_response_headers_policy.dashboard[0].security_headers_config[0].content_security_policy[0].content_security_policy, "connect-src 'self' https://api.charge.example.org wss://api.charge.example.org;")
    error_message = "the page cannot reach its API, or may reach others"
  }

  assert {
    condition     = aws_cloudfront_function.page_addresses[0].publish && length(aws_cloudfront_distribution.dashboard.default_cache_behavior[0].function_association) == 1
    error_message = "addresses of the page are not answered with the page"
  }

  assert {
    condition     = aws_secretsmanager_secret_rotation.database[0].rotation_rules[0].schedule_expression == "cron(0 8 1 * ? *)" && aws_secretsmanager_secret_rotation.database[0].rotation_rules[0].duration == "1h"
    error_message = "the password changes at another time than schedule.tf thinks"
  }

  assert {
    condition     = alltrue([for schedule in aws_scheduler_schedule.restart : schedule.schedule_expression == "cron(5 9 1 * ? *)"]) && length(aws_scheduler_schedule.restart) == 2
    error_message = "a service goes on with the password of last month"
  }
}

run "staging_sleeps_at_night_and_is_as_closed_as_prod" {
  command = plan

  variables {
    environment           = "staging"
    makes_github_provider = false # as in an account that has an environment already
    github_repository     = "example/solarrally"
    state_bucket          = "state"
    night                 = { sleep_hour = 20, wake_hour = 7, wake_days = "MON-FRI", timezone = "America/Jamaica" }
  }

  assert {
    condition     = toset(keys(aws_appautoscaling_scheduled_action.sleep)) == toset(["api", "ingest"])
    error_message = "not all of staging sleeps"
  }

  assert {
    condition = alltrue([
      for action in aws_appautoscaling_scheduled_action.sleep :
      action.scalable_target_action[0].max_capacity == "0" && action.schedule == "cron(0 20 * * ? *)" && action.timezone == "America/Jamaica"
    ])
    error_message = "tasks stay on at night"
  }

  assert {
    condition = alltrue([
      for action in aws_appautoscaling_scheduled_action.wake : action.schedule == "cron(0 7 ? * MON-FRI *)"
    ]) && aws_appautoscaling_scheduled_action.wake["api"].scalable_target_action[0].min_capacity == "2"
    error_message = "tasks do not come back as many as they were"
  }

  assert {
    condition     = aws_scheduler_schedule.database["stop"].schedule_expression == "cron(15 20 * * ? *)" && aws_scheduler_schedule.database["start"].schedule_expression == "cron(30 6 ? * MON-FRI *)"
    error_message = "the database stops before the tasks, or starts after them"
  }

  assert {
    condition     = !aws_db_instance.this.multi_az && !aws_db_instance.this.deletion_protection
    error_message = "staging costs what prod costs"
  }

  assert {
    condition     = aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible
    error_message = "the database is readable on its disk or from the internet"
  }

  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "somebody but RDS knows the password"
  }

  assert {
    condition     = contains([for parameter in aws_db_parameter_group.this.parameter : "${parameter.name}=${parameter.value}"], "rds.force_ssl=1")
    error_message = "the database talks without TLS"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && length(aws_iam_role.github) == 2
    error_message = "a second environment of the account makes GitHub's provider again, or has no roles"
  }
}
