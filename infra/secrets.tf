# Secrets of the containers: their places. Values are put in by hand once (README.md, Bootstrap), so that none is in a
# state, a plan or an output.

locals {
  secrets = {
    jwt-secret     = "Signs access tokens of the API"
    admin-password = "First login of the user admin; worthless once it is changed"
    ingestor-key   = "Private key (PEM) to var.ingestor_csr"
  }
}

resource "aws_secretsmanager_secret" "this" {
  for_each = local.secrets

  name                    = "${local.name}/${each.key}"
  description             = each.value
  kms_key_id              = aws_kms_key.data.arn
  recovery_window_in_days = local.is_prod ? 30 : 7
}
