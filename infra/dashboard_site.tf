# The dashboard: its built files in a private bucket, CloudFront before it. Files are put there by the deployment.

resource "aws_cloudfront_origin_access_control" "dashboard" {
  name                              = "${local.name}-dashboard"
  description                       = "CloudFront reads the bucket, nobody else"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_s3_bucket_policy" "dashboard" {
  bucket = aws_s3_bucket.this["dashboard"].id
  policy = data.aws_iam_policy_document.dashboard.json

  depends_on = [aws_s3_bucket_public_access_block.this]
}

data "aws_iam_policy_document" "dashboard" {
  source_policy_documents = [data.aws_iam_policy_document.tls_only["dashboard"].json]

  statement {
    sid       = "OurDistributionReads"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.this["dashboard"].arn}/*"]

    principals {
      type        = "Service"
      identifiers = ["cloudfront.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudfront_distribution.dashboard.arn]
    }
  }

  # With it a file that is not there is 404 and not 403.
  statement {
    sid       = "OurDistributionSeesWhatIsMissing"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.this["dashboard"].arn]

    principals {
      type        = "Service"
      identifiers = ["cloudfront.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudfront_distribution.dashboard.arn]
    }
  }
}

# Where the page finds the API. The deployment leaves this file alone.
resource "aws_s3_object" "dashboard_config" {
  bucket        = aws_s3_bucket.this["dashboard"].id
  key           = "config.json"
  content       = jsonencode({ api_url = "https://${local.api_host}" })
  content_type  = "application/json"
  cache_control = "no-cache"

  depends_on = [aws_s3_bucket_versioning.this] # so that its first version is one
}

locals {
  content_security_policy = join("; ", [
    "default-src 'self'",
    "connect-src 'self' https://${local.api_host} wss://${local.api_host}",
    "img-src 'self' data: blob:",
    "base-uri 'self'",
    "form-action 'self'",
    "object-src 'none'",
    "frame-ancestors 'none'",
  ])

  # CloudFront's own cache policies, by the ids that AWS publishes.
  caching_optimized = "658327ea-f89d-4fab-a63d-7e88639e58f6"
}

resource "aws_cloudfront_response_headers_policy" "dashboard" {
  count = var.has_cloudfront_extras ? 1 : 0

  name    = "${local.name}-dashboard"
  comment = "As the API itself sets them (docs/security.md, Pages)"

  security_headers_config {
    content_security_policy {
      content_security_policy = local.content_security_policy
      override                = true
    }

    content_type_options {
      override = true
    }

    frame_options {
      frame_option = "DENY"
      override     = true
    }

    referrer_policy {
      referrer_policy = "no-referrer"
      override        = true
    }

    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = false
      override                   = true
    }
  }

  custom_headers_config {
    items {
      header   = "Cross-Origin-Opener-Policy"
      value    = "same-origin"
      override = true
    }

    items {
      header   = "Permissions-Policy"
      value    = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
      override = true
    }
  }
}

# The page has addresses of its own (/stations/CP-1): those are index.html. A missing file of /assets/ stays missing.
resource "aws_cloudfront_function" "page_addresses" {
  count = var.has_cloudfront_extras ? 1 : 0

  name    = "${local.name}-page-addresses"
  runtime = "cloudfront-js-2.0"
  comment = "Addresses of the page are index.html"
  publish = true
  code    = file("${path.module}/dashboard/page_addresses.js")
}

resource "aws_cloudfront_distribution" "dashboard" {
  comment             = "${local.name}: dashboard"
  enabled             = true
  is_ipv6_enabled     = true
  http_version        = "http2and3"
  price_class         = "PriceClass_100"
  default_root_object = "index.html"
  aliases             = [local.dashboard_host]

  origin {
    origin_id                = "bucket"
    domain_name              = aws_s3_bucket.this["dashboard"].bucket_regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.dashboard.id
  }

  default_cache_behavior {
    target_origin_id           = "bucket"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = local.caching_optimized # as long as Cache-Control of the files says
    response_headers_policy_id = one(aws_cloudfront_response_headers_policy.dashboard[*].id)

    dynamic "function_association" {
      for_each = aws_cloudfront_function.page_addresses[*].arn

      content {
        event_type   = "viewer-request"
        function_arn = function_association.value
      }
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = aws_acm_certificate_validation.dashboard.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}
