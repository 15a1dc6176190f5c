# Certificates of the API (here) and of the dashboard (us-east-1, for CloudFront), proven by DNS, renewed by ACM.

resource "aws_acm_certificate" "api" {
  domain_name       = local.api_host
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_acm_certificate" "dashboard" {
  provider = aws.us_east_1

  domain_name       = local.dashboard_host
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "certificate" {
  for_each = { api = aws_acm_certificate.api, dashboard = aws_acm_certificate.dashboard }

  zone_id         = aws_route53_zone.this.zone_id
  name            = one(each.value.domain_validation_options[*].resource_record_name)
  type            = one(each.value.domain_validation_options[*].resource_record_type)
  records         = [one(each.value.domain_validation_options[*].resource_record_value)]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "api" {
  certificate_arn         = aws_acm_certificate.api.arn
  validation_record_fqdns = [aws_route53_record.certificate["api"].fqdn]
}

resource "aws_acm_certificate_validation" "dashboard" {
  provider = aws.us_east_1

  certificate_arn         = aws_acm_certificate.dashboard.arn
  validation_record_fqdns = [aws_route53_record.certificate["dashboard"].fqdn]
}
