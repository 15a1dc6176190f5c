# Staging: one of everything, asleep at night and at weekends. example.org stands for your own domain.

environment = "staging"
region      = "us-east-1"
domain_name = "staging.charge.example.org"
vpc_cidr    = "10.40.0.0/16"

api      = { cpu = 256, memory_mib = 512, min_tasks = 1, max_tasks = 2 }
ingest   = { cpu = 256, memory_mib = 512, min_tasks = 1, max_tasks = 2 }
database = { instance_class = "db.t4g.micro", storage_gib = 20, max_storage_gib = 50, backup_days = 7 }

kinesis_shards      = 1
kinesis_retention_h = 168 # a long weekend asleep is no loss

night = { sleep_hour = 20, wake_hour = 7, wake_days = "MON-FRI", timezone = "America/Jamaica" }

log_retention_days = 14
alarm_emails       = ["operations@example.org"]
monthly_budget_usd = 220
