# The web application firewall before the load balancer: AWS's rules for known attacks, and a rate for each address.

locals {
  managed_rules = {
    AWSManagedRulesAmazonIpReputationList = { priority = 1, only_counted = [] }
    AWSManagedRulesKnownBadInputsRuleSet  = { priority = 2, only_counted = [] }
    # Imports of offline logs are megabytes, and the API bounds every body itself (docs/security.md, Limits).
    AWSManagedRulesCommonRuleSet = { priority = 3, only_counted = ["SizeRestrictions_BODY"] }
  }
}

resource "aws_wafv2_web_acl" "api" {
  #checkov:skip=CKV_AWS_192: AWSManagedRulesKnownBadInputsRuleSet is in a dynamic block, which checkov does not follow

  name        = "${local.name}-api"
  description = "Before the API"
  scope       = "REGIONAL"

  default_action {
    allow {}
  }

  rule {
    name     = "rate-of-one-address"
    priority = 0

    action {
      block {
        custom_response {
          response_code = 429
        }
      }
    }

    statement {
      rate_based_statement {
        limit              = var.rate_limit_per_5_min
        aggregate_key_type = "IP"
      }
    }

    visibility_config {
      metric_name                = "${local.name}-rate"
      cloudwatch_metrics_enabled = true
      sampled_requests_enabled   = true
    }
  }

  dynamic "rule" {
    for_each = local.managed_rules

    content {
      name     = rule.key
      priority = rule.value.priority

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.key

          dynamic "rule_action_override" {
            for_each = rule.value.only_counted

            content {
              name = rule_action_override.value

              action_to_use {
                count {}
              }
            }
          }
        }
      }

      visibility_config {
        metric_name                = "${local.name}-${rule.key}"
        cloudwatch_metrics_enabled = true
        sampled_requests_enabled   = true
      }
    }
  }

  visibility_config {
    metric_name                = "${local.name}-api"
    cloudwatch_metrics_enabled = true
    sampled_requests_enabled   = true
  }
}

resource "aws_wafv2_web_acl_association" "api" {
  resource_arn = aws_lb.api.arn
  web_acl_arn  = aws_wafv2_web_acl.api.arn
}

resource "aws_wafv2_web_acl_logging_configuration" "api" {
  resource_arn            = aws_wafv2_web_acl.api.arn
  log_destination_configs = [aws_cloudwatch_log_group.service["waf"].arn]

  # Only what was stopped, and never what proves who somebody is.
  logging_filter {
    default_behavior = "DROP"

    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"

      condition {
        action_condition {
          action = "BLOCK"
        }
      }

      condition {
        action_condition {
          action = "COUNT"
        }
      }
    }
  }

  redacted_fields {
    single_header {
      name = "authorization"
    }
  }

  redacted_fields {
    single_header {
      name = "cookie"
    }
  }

  redacted_fields {
    query_string {} # the live WebSocket's ticket
  }
}
