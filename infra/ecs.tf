# What runs: the API and the ingestor as services, migrations and exports as one-off tasks; all of one image, on Fargate.

locals {
  image = "${aws_ecr_repository.this.repository_url}:${var.image_tag}"

  # container/entry.py makes settings of these, because RDS keeps user and password apart and keys are no files here.
  common_environment = {
    AWS_REGION    = var.region
    DATABASE_HOST = aws_db_instance.this.address
    DATABASE_NAME = local.database_name
    DATABASE_CA   = var.database_ca
  }

  settings = merge({
    SOLARRALLY_LOG_FORMAT                = "json"
    SOLARRALLY_REGISTER_UNKNOWN_STATIONS = "false" # a station is registered when it is provisioned
  }, var.more_settings)

  api_settings = {
    SOLARRALLY_API_HOST        = "0.0.0.0"
    SOLARRALLY_API_PORT        = tostring(local.api_port)
    SOLARRALLY_TRUSTED_PROXIES = join(",", aws_subnet.public[*].cidr_block) # where the load balancer is
    SOLARRALLY_ALLOWED_ORIGINS = "https://${local.dashboard_host}"
    SOLARRALLY_PUBLIC_URL      = "https://${local.dashboard_host}"
    SOLARRALLY_DASHBOARD       = "false" # CloudFront serves it
  }

  ingest_settings = {
    SOLARRALLY_BROKER               = "aws_kinesis"
    SOLARRALLY_AWS_KINESIS_STREAM   = aws_kinesis_stream.telemetry.name
    SOLARRALLY_AWS_FAILED_QUEUE_URL = aws_sqs_queue.failed.url
    SOLARRALLY_AWS_IOT_ENDPOINT     = "${data.aws_iot_endpoint.mqtt.endpoint_address}:443"
    SOLARRALLY_METRICS_HOST         = "127.0.0.1"
    SOLARRALLY_METRICS_PORT         = "9464"
    MQTT_CLIENT_ID                  = local.ingestor_client_id
    MQTT_CERTIFICATE                = nonsensitive(aws_iot_certificate.ingestor.certificate_pem) # it shows it to everybody it talks to
  }

  database_secrets = {
    DATABASE_USER     = "${local.database_secret_arn}:username::"
    DATABASE_PASSWORD = "${local.database_secret_arn}:password::"
  }

  # role: what its containers are given. `command` follows `solarrally`, or is a program of ours.
  containers = {
    api = {
      cpu         = var.api.cpu, memory_mib = var.api.memory_mib, stop_timeout_s = 60, port = local.api_port
      command     = ["solarrally", "serve"]
      environment = merge(local.settings, local.api_settings)
      secrets     = { SOLARRALLY_JWT_SECRET = aws_secretsmanager_secret.this["jwt-secret"].arn }
      health      = "serve"
    }
    ingest = {
      cpu         = var.ingest.cpu, memory_mib = var.ingest.memory_mib, stop_timeout_s = 30, port = null
      command     = ["solarrally", "ingest"]
      environment = merge(local.settings, local.ingest_settings)
      secrets     = { MQTT_KEY = aws_secretsmanager_secret.this["ingestor-key"].arn }
      health      = "ingest"
    }
    migrate = {
      cpu         = 256, memory_mib = 512, stop_timeout_s = 30, port = null
      command     = ["solarrally", "migrate"]
      environment = local.settings
      secrets     = { SOLARRALLY_ADMIN_PASSWORD = aws_secretsmanager_secret.this["admin-password"].arn }
      health      = null
    }
    export = {
      cpu         = 512, memory_mib = 2048, stop_timeout_s = 30, port = null
      command     = ["python", "-c", file("${path.module}/container/export_yesterday.py")]
      environment = merge(local.settings, { EXPORTS_URL = "s3://${aws_s3_bucket.this["exports"].id}/${local.exports_prefix}" })
      secrets     = {}
      health      = null
    }
  }
}

resource "aws_ecs_cluster" "this" {
  name = local.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "this" {
  for_each = local.containers

  family                   = "${local.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = each.value.cpu
  memory                   = each.value.memory_mib
  execution_role_arn       = aws_iam_role.execution[each.key].arn
  task_role_arn            = aws_iam_role.task[each.key].arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }

  # The only place that can be written to; it goes with the task.
  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([{
    name                   = each.key
    image                  = local.image
    essential              = true
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    entryPoint             = ["tini", "--", "python", "-c", file("${path.module}/container/entry.py")]
    command                = each.value.command
    stopTimeout            = each.value.stop_timeout_s

    environment = [for name, value in merge(local.common_environment, each.value.environment) : { name = name, value = value } if value != ""]
    secrets     = [for name, arn in merge(local.database_secrets, each.value.secrets) : { name = name, valueFrom = arn }]

    portMappings = each.value.port == null ? [] : [{ containerPort = each.value.port, hostPort = each.value.port, protocol = "tcp" }]
    mountPoints  = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    volumesFrom  = []

    # Five minutes of "not ready" end a task: an outage of the database ends by itself, a changed password does not.
    healthCheck = each.value.health == null ? null : {
      command     = ["CMD", "python", "/opt/solarrally/healthcheck.py", each.value.health]
      interval    = 30
      timeout     = 10
      retries     = 10
      startPeriod = 120
    }

    linuxParameters = { capabilities = { drop = ["ALL"] } }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.task[each.key].name
        awslogs-region        = var.region
        awslogs-stream-prefix = each.key
        mode                  = "non-blocking" # a log that cannot be written must not stop ingestion
        max-buffer-size       = "8m"
      }
    }
  }])
}

resource "aws_ecs_service" "this" {
  for_each = { api = var.api, ingest = var.ingest }

  name             = each.key
  cluster          = aws_ecs_cluster.this.id
  task_definition  = aws_ecs_task_definition.this[each.key].arn
  desired_count    = each.value.min_tasks
  launch_type      = "FARGATE"
  platform_version = "LATEST"
  propagate_tags   = "SERVICE"

  enable_execute_command             = false
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = each.key == "api" ? 60 : null

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = aws_subnet.private[*].id
    security_groups  = [aws_security_group.this[each.key].id]
    assign_public_ip = false
  }

  dynamic "load_balancer" {
    for_each = each.key == "api" ? [aws_lb_target_group.api.arn] : []

    content {
      target_group_arn = load_balancer.value
      container_name   = each.key
      container_port   = local.api_port
    }
  }

  lifecycle {
    ignore_changes = [desired_count] # autoscaling.tf and schedule.tf decide
  }

  depends_on = [aws_lb_listener.https, aws_iam_role_policy.execution]
}

# -- roles ----------------------------------------------------------------------------------------------

# What starts a container: takes the image, hands it its secrets (and no other's), writes its log.
resource "aws_iam_role" "execution" {
  for_each = local.containers

  name                 = "${local.name}-${each.key}-start"
  assume_role_policy   = data.aws_iam_policy_document.trust["ecs-tasks"].json
  permissions_boundary = aws_iam_policy.boundary.arn
}

resource "aws_iam_role_policy" "execution" {
  for_each = local.containers

  name   = "image-secrets-log"
  role   = aws_iam_role.execution[each.key].id
  policy = data.aws_iam_policy_document.execution[each.key].json
}

data "aws_iam_policy_document" "execution" {
  for_each = local.containers

  statement {
    sid       = "LogInAtRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # knows no resource
  }

  statement {
    sid       = "TakeImage"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [aws_ecr_repository.this.arn]
  }

  statement {
    sid       = "ReadSecrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = concat([local.database_secret_arn], values(each.value.secrets))
  }

  statement {
    sid       = "DecryptSecrets"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.data.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${var.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.task[each.key].arn}:*"]
  }
}

# What a program may do itself. API and migrations need nothing of AWS.
resource "aws_iam_role" "task" {
  for_each = local.containers

  name                 = "${local.name}-${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.trust["ecs-tasks"].json
  permissions_boundary = aws_iam_policy.boundary.arn
}

resource "aws_iam_role_policy" "task" {
  for_each = {
    ingest = data.aws_iam_policy_document.ingest.json
    export = data.aws_iam_policy_document.write_exports.json
  }

  name   = "its-work"
  role   = aws_iam_role.task[each.key].id
  policy = each.value
}

data "aws_iam_policy_document" "ingest" {
  statement {
    sid       = "ReadStream"
    actions   = local.kinesis_reader_actions
    resources = [aws_kinesis_stream.telemetry.arn]
  }

  statement {
    sid       = "TakeFailedActions"
    actions   = local.sqs_reader_actions
    resources = [aws_sqs_queue.failed.arn]
  }
}
