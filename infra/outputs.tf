# What the deployment and the people who run it need to know. No secrets.

output "api_url" {
  value = "https://${local.api_host}"
}

output "dashboard_url" {
  value = "https://${local.dashboard_host}"
}

output "name_servers" {
  description = "To be entered as NS records of domain_name at its parent."
  value       = aws_route53_zone.this.name_servers
}

output "ecr_repository_url" {
  value = aws_ecr_repository.this.repository_url
}

output "ecs_cluster" {
  value = aws_ecs_cluster.this.name
}

output "ecs_services" {
  value = { for role, service in aws_ecs_service.this : role => service.name }
}

output "task_definitions" {
  description = "By role; `aws ecs run-task` takes the one of migrate."
  value       = { for role, definition in aws_ecs_task_definition.this : role => definition.arn }
}

output "one_off_network" {
  description = "What `aws ecs run-task --network-configuration` wants for migrate and export."
  value = jsonencode({
    awsvpcConfiguration = {
      subnets        = aws_subnet.private[*].id
      securityGroups = [aws_security_group.this["jobs"].id]
      assignPublicIp = "DISABLED"
    }
  })
}

output "database_identifier" {
  description = "`aws rds start-db-instance` wakes it, where it sleeps at night."
  value       = aws_db_instance.this.identifier
}

output "dashboard_bucket" {
  value = aws_s3_bucket.this["dashboard"].id
}

output "dashboard_distribution_id" {
  value = aws_cloudfront_distribution.dashboard.id
}

output "exports_bucket" {
  value = aws_s3_bucket.this["exports"].id
}

output "analyst_role_arn" {
  value = one(aws_iam_role.analyst[*].arn)
}

output "iot_endpoint" {
  description = "Where stations connect, on 8883."
  value       = data.aws_iot_endpoint.mqtt.endpoint_address
}

output "iot_station_policy" {
  description = "The policy that a station's certificate needs."
  value       = aws_iot_policy.station.name
}

output "telemetry_stream" {
  value = aws_kinesis_stream.telemetry.name
}

output "failed_queue_url" {
  value = aws_sqs_queue.failed.url
}

output "secret_names" {
  description = "Names, not values: aws secretsmanager get-secret-value --secret-id NAME."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.name }
}

output "log_groups" {
  value = { for role, group in aws_cloudwatch_log_group.task : role => group.name }
}

output "github_role_arns" {
  value = { for name, role in aws_iam_role.github : name => role.arn }
}
