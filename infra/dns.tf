# The environment's zone; its name servers are entered at the parent's once (README.md, bootstrap).

resource "aws_route53_zone" "this" {
  name    = var.domain_name
  comment = "${local.name}; delegated from its parent by hand"
}

resource "aws_route53_record" "api" {
  zone_id = aws_route53_zone.this.zone_id
  name    = local.api_host
  type    = "A"

  alias {
    name                   = aws_lb.api.dns_name
    zone_id                = aws_lb.api.zone_id
    evaluate_target_health = false # one load balancer: there is nowhere else to send people
  }
}

resource "aws_route53_record" "dashboard" {
  for_each = toset(["A", "AAAA"])

  zone_id = aws_route53_zone.this.zone_id
  name    = local.dashboard_host
  type    = each.key

  alias {
    name                   = aws_cloudfront_distribution.dashboard.domain_name
    zone_id                = aws_cloudfront_distribution.dashboard.hosted_zone_id
    evaluate_target_health = false
  }
}

# Nobody but Amazon may issue certificates for these names.
resource "aws_route53_record" "certificate_authority" {
  zone_id = aws_route53_zone.this.zone_id
  name    = var.domain_name
  type    = "CAA"
  ttl     = 3600
  records = ["0 issue \"amazon.com\"", "0 issuewild \";\""]
}
