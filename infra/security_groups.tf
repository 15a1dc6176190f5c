# Who may talk to whom. Only the load balancer is open to the world, and only the ingestor may leave for it.

locals {
  security_groups = {
    alb       = "Load balancer"
    api       = "Tasks of the API"
    ingest    = "Tasks of the ingestor"
    jobs      = "One-off tasks: migrations, exports"
    database  = "PostgreSQL"
    endpoints = "Interface endpoints of AWS services"
  }

  tasks = toset(["api", "ingest", "jobs"])
}

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5: ecs.tf and schedule.tf attach them by each.key, which checkov does not follow

  for_each = local.security_groups

  name_prefix = "${local.name}-${each.key}-"
  description = each.value
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${local.name}-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "alb_https" {
  security_group_id = aws_security_group.this["alb"].id
  description       = "HTTPS from everywhere"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "alb_http" {
  #checkov:skip=CKV_AWS_260: Port 80 answers with a redirection to 443 and nothing else

  security_group_id = aws_security_group.this["alb"].id
  description       = "HTTP from everywhere, answered with a redirection"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 80
}

resource "aws_vpc_security_group_egress_rule" "alb_to_api" {
  security_group_id            = aws_security_group.this["alb"].id
  description                  = "To the API"
  referenced_security_group_id = aws_security_group.this["api"].id
  ip_protocol                  = "tcp"
  from_port                    = local.api_port
  to_port                      = local.api_port
}

resource "aws_vpc_security_group_ingress_rule" "api_from_alb" {
  security_group_id            = aws_security_group.this["api"].id
  description                  = "From the load balancer"
  referenced_security_group_id = aws_security_group.this["alb"].id
  ip_protocol                  = "tcp"
  from_port                    = local.api_port
  to_port                      = local.api_port
}

resource "aws_vpc_security_group_egress_rule" "task_to_database" {
  for_each = local.tasks

  security_group_id            = aws_security_group.this[each.key].id
  description                  = "To PostgreSQL"
  referenced_security_group_id = aws_security_group.this["database"].id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_vpc_security_group_ingress_rule" "database_from_task" {
  for_each = local.tasks

  security_group_id            = aws_security_group.this["database"].id
  description                  = "From ${each.key}"
  referenced_security_group_id = aws_security_group.this[each.key].id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_vpc_security_group_egress_rule" "task_to_endpoints" {
  for_each = local.tasks

  security_group_id            = aws_security_group.this[each.key].id
  description                  = "To AWS services, within the VPC"
  referenced_security_group_id = aws_security_group.this["endpoints"].id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_from_task" {
  for_each = local.tasks

  security_group_id            = aws_security_group.this["endpoints"].id
  description                  = "From ${each.key}"
  referenced_security_group_id = aws_security_group.this[each.key].id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "task_to_s3" {
  for_each = local.tasks

  security_group_id = aws_security_group.this[each.key].id
  description       = "To S3 through its gateway: layers of the image, exports"
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# IoT Core has no endpoint with a name of its own in a VPC: MQTT goes through NAT, on 443 with ALPN.
resource "aws_vpc_security_group_egress_rule" "ingest_to_iot" {
  security_group_id = aws_security_group.this["ingest"].id
  description       = "MQTT to IoT Core: commands and acks"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
