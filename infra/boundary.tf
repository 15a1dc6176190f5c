# The most that any role made here can do, whatever its policies say: no identities, no account, no other environment's roles.

resource "aws_iam_policy" "boundary" {
  name        = "${local.name}-boundary"
  description = "Bounds every role of ${local.name}; who deploys cannot change it"
  policy      = data.aws_iam_policy_document.boundary.json
}

# It allows nothing by itself: a role may do what both its own policy and this one let it.
data "aws_iam_policy_document" "boundary" {
  #checkov:skip=CKV_AWS_107: A boundary hands out nothing
  #checkov:skip=CKV_AWS_108: A boundary hands out nothing
  #checkov:skip=CKV_AWS_109: A boundary hands out nothing
  #checkov:skip=CKV_AWS_111: A boundary hands out nothing
  #checkov:skip=CKV_AWS_356: A boundary hands out nothing

  statement {
    sid       = "Services"
    effect    = "Allow"
    resources = ["*"]

    actions = [
      "backup:*", "cloudwatch:*", "ec2:*", "ecr:*", "ecs:RunTask", "ecs:UpdateService", "kinesis:*", "kms:*", "logs:*", "rds:*",
      "s3:*", "secretsmanager:GetSecretValue", "sqs:*", "tag:GetResources",
    ]
  }

  statement {
    sid       = "RolesOfTasks"
    effect    = "Allow"
    actions   = ["iam:PassRole"]
    resources = ["arn:${local.partition}:iam::${local.account_id}:role/${local.name}-*"]
  }

  # What AWS Backup's own policies need to restore with the roles there are.
  statement {
    sid       = "ReadRoles"
    effect    = "Allow"
    actions   = ["iam:GetRole", "iam:ListRoles"]
    resources = ["*"]
  }
}
