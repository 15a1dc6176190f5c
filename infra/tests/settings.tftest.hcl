# What a mistyped variable is answered with, before anything is planned.

mock_provider "aws" {
  source = "./tests/aws"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/aws"
}

variables {
  environment        = "staging"
  domain_name        = "staging.charge.example.org"
  image_tag          = "0123456789ab"
  alarm_emails       = ["operations@example.org"]
  ingestor_csr       = "-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----"
  monthly_budget_usd = 200
}

run "a_wrong_value_is_refused_by_its_name" {
  command = plan

  variables {
    environment         = "production"
    project             = "Solar Rally"
    domain_name         = "https://charge.example.org"
    image_tag           = "latest"
    vpc_cidr            = "10.0.0.0/24"
    api                 = { cpu = 256, memory_mib = 512, min_tasks = 0, max_tasks = 2 }
    ingest              = { cpu = 256, memory_mib = 512, min_tasks = 3, max_tasks = 2 }
    cpu_architecture    = "MIPS"
    availability_zones  = ["a", "a"]
    more_settings       = { SOLARRALLY_SMTP_PASSWORD = "x" }
    ingestor_csr        = "-----BEGIN PRIVATE KEY-----"
    kinesis_shards      = 0
    kinesis_retention_h = 6
    database            = { instance_class = "db.t4g.micro", storage_gib = 20, max_storage_gib = 50, backup_days = 1 }
    analyst_principals  = ["*"]
    github_repository   = "example/*"
    state_bucket        = "state"
    night               = { sleep_hour = 7, wake_hour = 7, wake_days = "MON-FRI", timezone = "America/Jamaica" }
    log_retention_days  = 45
    alarm_emails        = ["nobody"]
    monthly_budget_usd  = 0
  }

  expect_failures = [
    var.environment, var.project, var.domain_name, var.image_tag, var.vpc_cidr, var.api, var.ingest, var.cpu_architecture,
    var.availability_zones,
    var.more_settings, var.ingestor_csr, var.kinesis_shards, var.kinesis_retention_h, var.database, var.analyst_principals,
    var.github_repository, var.night, var.log_retention_days, var.alarm_emails, var.monthly_budget_usd,
  ]
}

run "a_value_that_fits_no_other_is_refused_too" {
  command = plan

  variables {
    more_settings     = { PATH = "/tmp" }
    database          = { instance_class = "db.t4g.micro", storage_gib = 50, max_storage_gib = 50, backup_days = 7 }
    database_ca       = "/etc/ssl/rds.pem"
    github_repository = "example/solarrally"
  }

  expect_failures = [var.more_settings, var.database, var.database_ca, var.state_bucket]
}
