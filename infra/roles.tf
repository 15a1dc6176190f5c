# Roles that services of AWS take: which there are, and who may take each. What each may do stands where its work is.

locals {
  # role: its service. Tasks have roles of their own for each container (ecs.tf).
  service_roles = {
    backup         = "backup"
    flow-log       = "vpc-flow-logs"
    iot-logging    = "iot"
    iot-rule       = "iot"
    rds-monitoring = "monitoring.rds"
    scheduler      = "scheduler"
  }

  services_with_roles = toset(concat(["ecs-tasks"], values(local.service_roles)))

  # AWS's own policy: the role that has it.
  service_role_policies = {
    AWSBackupServiceRolePolicyForBackup   = "backup"
    AWSBackupServiceRolePolicyForRestores = "backup"
    AmazonRDSEnhancedMonitoringRole       = "rds-monitoring"
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = local.services_with_roles

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

resource "aws_iam_role" "service" {
  for_each = local.service_roles

  name                 = "${local.name}-${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.value].json
  permissions_boundary = aws_iam_policy.boundary.arn
}

resource "aws_iam_role_policy_attachment" "service" {
  for_each = local.service_role_policies

  role       = aws_iam_role.service[each.value].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/${each.key}"
}
