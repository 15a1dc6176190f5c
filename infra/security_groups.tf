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

  # Inside the VPC who is let out is let in: each of these is a rule at both ends.
  flows = merge(
    { alb-api = { from = "alb", to = "api", port = local.api_port, egress = "To the API", ingress = "From the load balancer" } },
    { for task in local.tasks : "${task}-database" => {
      from = task, to = "database", port = 5432, egress = "To PostgreSQL", ingress = "From ${task}"
    } },
    { for task in local.tasks : "${task}-endpoints" => {
      from = task, to = "endpoints", port = 443, egress = "To AWS services, within the VPC", ingress = "From ${task}"
    } },
  )
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

resource "aws_vpc_security_group_egress_rule" "flow" {
  for_each = local.flows

  security_group_id            = aws_security_group.this[each.value.from].id
  description                  = each.value.egress
  referenced_security_group_id = aws_security_group.this[each.value.to].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_ingress_rule" "flow" {
  for_each = local.flows

  security_group_id            = aws_security_group.this[each.value.to].id
  description                  = each.value.ingress
  referenced_security_group_id = aws_security_group.this[each.value.from].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
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
