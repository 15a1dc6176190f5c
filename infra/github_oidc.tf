# Who may deploy from GitHub, without any key that could leak: a workflow proves its repository and environment.
#
# Pull requests may plan: read what there is, but no secrets, no telemetry, no exports. The deployment may change what
# is of this environment; it cannot change itself, the boundary, or make a role without that boundary.

locals {
  has_github  = var.github_repository != ""
  github_host = "token.actions.githubusercontent.com"

  github_provider_arn = "arn:${local.partition}:iam::${local.account_id}:oidc-provider/${local.github_host}"

  github_roles = !local.has_github ? {} : {
    plan   = "repo:${var.github_repository}:pull_request"
    deploy = "repo:${var.github_repository}:environment:${local.is_prod ? "production" : "staging"}"
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  count = local.has_github && var.makes_github_provider ? 1 : 0

  url            = "https://${local.github_host}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "github_trust" {
  #checkov:skip=CKV_AWS_358: The subject is one repository's pull requests or one environment; it is in a local, which checkov does not follow

  for_each = local.github_roles

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.github_provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.github_host}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.github_host}:sub"
      values   = [each.value]
    }
  }
}

resource "aws_iam_role" "github" {
  for_each = local.github_roles

  name                 = "${local.name}-github-${each.key}"
  description          = "Workflows of ${var.github_repository}: ${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.github_trust[each.key].json
  max_session_duration = 3600

  depends_on = [aws_iam_openid_connect_provider.github]
}

# -- plan -----------------------------------------------------------------------------------------------

resource "aws_iam_role_policy_attachment" "github_plan" {
  for_each = local.has_github ? toset(["SecurityAudit", "job-function/ViewOnlyAccess"]) : toset([])

  role       = aws_iam_role.github["plan"].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/${each.key}"
}

resource "aws_iam_role_policy" "github_plan" {
  count = local.has_github ? 1 : 0

  name   = "read-what-is-planned"
  role   = aws_iam_role.github["plan"].id
  policy = data.aws_iam_policy_document.github_plan.json
}

data "aws_iam_policy_document" "github_plan" {
  #checkov:skip=CKV_AWS_356: Settings are read of everything, contents of nothing

  # What a refresh asks and the two policies of AWS leave out: settings, never contents.
  statement {
    sid       = "Settings"
    resources = ["*"]

    actions = [
      "application-autoscaling:Describe*", "application-autoscaling:List*", "backup:Get*", "backup:List*", "budgets:ViewBudget", "budgets:ListTagsForResource",
      "cloudfront:DescribeFunction", "cloudfront:GetFunction", "iot:Describe*", "iot:GetPolicy", "iot:GetTopicRule", "iot:GetV2LoggingOptions",
      "iot:List*", "kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "scheduler:Get*", "scheduler:List*", "wafv2:Get*", "wafv2:List*",
    ]
  }

  statement {
    sid       = "State"
    actions   = ["s3:GetObject", "s3:ListBucket"]
    resources = ["arn:${local.partition}:s3:::${var.state_bucket}", "arn:${local.partition}:s3:::${var.state_bucket}/${var.environment}/*"]
  }

  statement {
    sid       = "PageSettings"
    actions   = ["s3:GetObject", "s3:GetObjectTagging"]
    resources = ["${aws_s3_bucket.this["dashboard"].arn}/config.json"]
  }

  statement {
    sid       = "NeverContents"
    effect    = "Deny"
    resources = ["*"]

    actions = [
      "kinesis:GetRecords", "kms:Decrypt", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartQuery", "secretsmanager:GetSecretValue",
      "sqs:ReceiveMessage",
    ]
  }
}

# -- deploy ---------------------------------------------------------------------------------------------

resource "aws_iam_role_policy_attachment" "github_deploy" {
  count = local.has_github ? 1 : 0

  role       = aws_iam_role.github["deploy"].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/PowerUserAccess" # all services, no identities
}

resource "aws_iam_role_policy" "github_deploy" {
  count = local.has_github ? 1 : 0

  name   = "roles-of-this-environment"
  role   = aws_iam_role.github["deploy"].id
  policy = data.aws_iam_policy_document.github_deploy.json
}

data "aws_iam_policy_document" "github_deploy" {
  #checkov:skip=CKV_AWS_356: Identities are only read; what is changed is named

  statement {
    sid       = "SeeIdentities"
    actions   = ["iam:Get*", "iam:List*"]
    resources = ["*"]
  }

  statement {
    sid       = "MakeRolesWithinTheBoundary"
    actions   = ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:DeleteRolePolicy"]
    resources = ["arn:${local.partition}:iam::${local.account_id}:role/${local.name}-*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [aws_iam_policy.boundary.arn]
    }
  }

  statement {
    sid       = "KeepRoles"
    actions   = ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateRole", "iam:UpdateRoleDescription", "iam:UpdateAssumeRolePolicy"]
    resources = ["arn:${local.partition}:iam::${local.account_id}:role/${local.name}-*"]
  }

  statement {
    sid       = "GiveRolesToServices"
    actions   = ["iam:PassRole"]
    resources = ["arn:${local.partition}:iam::${local.account_id}:role/${local.name}-*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = [for service in local.services_with_roles : "${service}.amazonaws.com"]
    }
  }

  statement {
    sid       = "NeverItself"
    effect    = "Deny"
    resources = ["arn:${local.partition}:iam::${local.account_id}:role/${local.name}-github-*", aws_iam_policy.boundary.arn]

    actions = [
      "iam:AttachRolePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:DeleteRole", "iam:DeleteRolePermissionsBoundary",
      "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PassRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:SetDefaultPolicyVersion",
      "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
    ]
  }
}
