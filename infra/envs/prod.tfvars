# Production for a small fleet, up to some hundred stations; README.md, Scale, tells what 10,000 need.

environment = "prod"
region      = "us-east-1"
domain_name = "charge.example.org"
vpc_cidr    = "10.41.0.0/16"

availability_zones   = ["a", "b"]
endpoint_zone_count  = 2
has_nat_in_each_zone = false

api      = { cpu = 512, memory_mib = 1024, min_tasks = 2, max_tasks = 6 }
ingest   = { cpu = 512, memory_mib = 1024, min_tasks = 2, max_tasks = 4 } # two: one takes over when the other goes
database = { instance_class = "db.t4g.small", storage_gib = 50, max_storage_gib = 500, backup_days = 14 }

kinesis_shards      = 1
kinesis_retention_h = 168

log_retention_days = 90
alarm_emails       = ["operations@example.org"]
monthly_budget_usd = 450
