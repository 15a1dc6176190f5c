# Names, tags, and what follows from the environment and cannot be set otherwise.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

data "aws_iot_endpoint" "mqtt" {
  endpoint_type = "iot:Data-ATS"
}

locals {
  name       = "${var.project}-${var.environment}"
  is_prod    = var.environment == "prod"
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  zones      = [for letter in var.availability_zones : "${var.region}${letter}"]

  api_host       = "api.${var.domain_name}"
  dashboard_host = "dashboard.${var.domain_name}"

  iot_arn = "arn:${local.partition}:iot:${var.region}:${local.account_id}"

  tags = {
    Project     = var.project
    Environment = var.environment
    ManagedBy   = "terraform"
  }
}
