# What may differ between environments. What prod must have is no variable: see locals.tf.

# -- which and where ------------------------------------------------------------------------------------

variable "project" {
  description = "Begins the name of everything."
  type        = string
  default     = "solarrally"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}$", var.project))
    error_message = "project: 2 to 15 of a-z, 0-9 and -, a letter first: it is part of names that AWS keeps short."
  }
}

variable "environment" {
  description = "staging or prod. prod is Multi-AZ, protected from deletion and never sleeps."
  type        = string

  validation {
    condition     = contains(["staging", "prod"], var.environment)
    error_message = "environment: staging or prod."
  }
}

variable "region" {
  description = "AWS region of everything but CloudFront's certificate."
  type        = string
  default     = "us-east-1"
}

variable "domain_name" {
  description = "Zone of this environment, such as charge.example.org; api. and dashboard. are put before it."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "domain_name: a domain in lower case without a dot at its end, such as charge.example.org."
  }
}

variable "makes_github_provider" {
  description = "False where the account has GitHub's identity provider already: there is one in an account."
  type        = bool
  default     = true
}

# -- network --------------------------------------------------------------------------------------------

variable "vpc_cidr" {
  description = "Addresses of the VPC, a /16 to a /20; each subnet gets a sixteenth."
  type        = string
  default     = "10.40.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]), 0) >= 16 && try(tonumber(split("/", var.vpc_cidr)[1]), 99) <= 20
    error_message = "vpc_cidr: an IPv4 network of /16 to /20, such as 10.40.0.0/16."
  }
}

variable "availability_zones" {
  description = "Letters of the region's zones that subnets lie in, two or three; written down, so that a new zone of AWS moves nothing."
  type        = list(string)
  default     = ["a", "b"]

  validation {
    condition     = contains([2, 3], length(distinct(var.availability_zones))) && alltrue([for zone in var.availability_zones : can(regex("^[a-f]$", zone))])
    error_message = "availability_zones: two or three different letters, such as [\"a\", \"b\"]; a load balancer and Multi-AZ need two."
  }
}

variable "has_nat_in_each_zone" {
  description = "False: one NAT gateway for all zones; commands and acks stop when its zone fails, ingestion does not."
  type        = bool
  default     = false
}

variable "endpoint_zone_count" {
  description = "Zones with an interface of each endpoint, each some 7 USD a month; other zones reach it across."
  type        = number
  default     = 1

  validation {
    condition     = var.endpoint_zone_count >= 1 && var.endpoint_zone_count <= 3
    error_message = "endpoint_zone_count: 1 to 3."
  }
}

# -- what runs ------------------------------------------------------------------------------------------

variable "image_tag" {
  description = "Tag of the image in our ECR repository. Tags are never reused there, so it names one build."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9._-]{6,127}$", var.image_tag)) && var.image_tag != "latest"
    error_message = "image_tag: the tag of one build, such as its commit; at least 7 characters, never latest."
  }
}

variable "api" {
  description = "Tasks of `solarrally serve`: CPU units (1024 are a core), memory in MiB, how many at least and at most."
  type = object({
    cpu        = number
    memory_mib = number
    min_tasks  = number
    max_tasks  = number
  })
  default = { cpu = 512, memory_mib = 1024, min_tasks = 1, max_tasks = 4 }

  validation {
    condition     = var.api.min_tasks >= 1 && var.api.max_tasks >= var.api.min_tasks
    error_message = "api: min_tasks of at least 1, max_tasks not below it."
  }
}

variable "ingest" {
  description = "Tasks of `solarrally ingest`, as for api. More tasks than shards find nothing to do."
  type = object({
    cpu        = number
    memory_mib = number
    min_tasks  = number
    max_tasks  = number
  })
  default = { cpu = 512, memory_mib = 1024, min_tasks = 1, max_tasks = 2 }

  validation {
    condition     = var.ingest.min_tasks >= 1 && var.ingest.max_tasks >= var.ingest.min_tasks
    error_message = "ingest: min_tasks of at least 1, max_tasks not below it."
  }
}

variable "cpu_architecture" {
  description = "What the image was built for. ARM64 costs a fifth less."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "cpu_architecture: X86_64 or ARM64."
  }
}

variable "more_settings" {
  description = "Further settings of every container, such as { SOLARRALLY_CURRENCY = \"EUR\" }. No secrets: they are readable in the console."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.more_settings) : can(regex("^SOLARRALLY_[A-Z0-9_]+$", name))])
    error_message = "more_settings: names begin with SOLARRALLY_ (docs/operations.md, solarrally check-config)."
  }

  validation {
    condition     = alltrue([for name in keys(var.more_settings) : !can(regex("(PASSWORD|SECRET|_URL$|TOKEN)", name)) || name == "SOLARRALLY_PUBLIC_URL"])
    error_message = "more_settings: no passwords, secrets or addresses that hold them; those belong into Secrets Manager."
  }
}

variable "ingestor_csr" {
  description = "Certificate signing request (PEM) of the ingestor's key, no secret; README.md, Bootstrap, tells how to make it."
  type        = string

  validation {
    condition     = can(regex("BEGIN CERTIFICATE REQUEST", var.ingestor_csr))
    error_message = "ingestor_csr: the PEM text of a certificate signing request, not its file's name and never a key."
  }
}

# -- telemetry ------------------------------------------------------------------------------------------

variable "kinesis_shards" {
  description = "Shards of the telemetry stream: each takes 1,000 messages/s or 1 MB/s."
  type        = number
  default     = 1

  validation {
    condition     = var.kinesis_shards >= 1 && var.kinesis_shards <= 200 && floor(var.kinesis_shards) == var.kinesis_shards
    error_message = "kinesis_shards: a whole number, 1 to 200."
  }
}

variable "kinesis_retention_h" {
  description = "How long the stream keeps what nobody has read: the longest outage of ingestion without loss."
  type        = number
  default     = 168

  validation {
    condition     = var.kinesis_retention_h >= 24 && var.kinesis_retention_h <= 8760
    error_message = "kinesis_retention_h: 24 to 8760."
  }
}

# -- database -------------------------------------------------------------------------------------------

variable "database" {
  description = "Instance class, storage in GiB at first and at most, days of automatic backups."
  type = object({
    instance_class  = string
    storage_gib     = number
    max_storage_gib = number
    backup_days     = number
  })
  default = { instance_class = "db.t4g.small", storage_gib = 20, max_storage_gib = 100, backup_days = 7 }

  validation {
    condition     = var.database.backup_days >= 7 && var.database.backup_days <= 35
    error_message = "database.backup_days: 7 to 35, which is RDS's most."
  }

  validation {
    condition     = var.database.max_storage_gib > var.database.storage_gib && var.database.storage_gib >= 20
    error_message = "database: storage_gib of at least 20, max_storage_gib above it: it grows by itself before it is full."
  }
}

variable "database_version" {
  description = "Major version of PostgreSQL; RDS chooses and upgrades the minor one."
  type        = string
  default     = "17"
}

variable "database_ca" {
  description = "Regional CA bundle of RDS (PEM); with it the containers check whom they talk to. Empty: encrypted, unchecked."
  type        = string
  default     = ""

  validation {
    condition     = var.database_ca == "" || can(regex("BEGIN CERTIFICATE", var.database_ca))
    error_message = "database_ca: PEM text, such as file(\"us-east-1-bundle.pem\") gives."
  }
}

variable "has_fixed_password_rotation" {
  description = "RDS changes the password on the first of a month, and the services restart after it. False: every 7 days at any hour."
  type        = bool
  default     = true
}

# -- edge -----------------------------------------------------------------------------------------------

variable "rate_limit_per_5_min" {
  description = "Requests of one address in 5 minutes that WAF lets through; the API has finer limits of its own."
  type        = number
  default     = 6000

  validation {
    condition     = var.rate_limit_per_5_min >= 100
    error_message = "rate_limit_per_5_min: at least 100; a page that is opened makes some 30 requests."
  }
}

variable "has_cloudfront_extras" {
  description = "Security headers and the rewriting of page addresses. False only where an emulator without them stands in for AWS."
  type        = bool
  default     = true
}

# -- people, time, money --------------------------------------------------------------------------------

variable "alarm_emails" {
  description = "Who is told of alarms and of the budget; each must confirm a mail from AWS."
  type        = set(string)

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "alarm_emails: mail addresses."
  }
}

variable "analyst_principals" {
  description = "ARNs of those who may take on the role that reads exports. Empty: there is no such role."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.analyst_principals : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(user|role)/", arn))])
    error_message = "analyst_principals: ARNs of users or roles, no wildcard, no whole account."
  }
}

variable "monthly_budget_usd" {
  description = "A mail at 80 % spent and when 100 % are forecast. It stops nothing."
  type        = number

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd: more than 0."
  }
}

variable "night" {
  description = "When staging sleeps: local hours of going to sleep and waking, on the days (cron's words) on which it wakes. prod ignores it."
  type = object({
    sleep_hour = number
    wake_hour  = number
    wake_days  = string
    timezone   = string
  })
  default = { sleep_hour = 20, wake_hour = 7, wake_days = "MON-FRI", timezone = "America/Jamaica" }

  validation {
    condition     = alltrue([for hour in [var.night.sleep_hour, var.night.wake_hour] : hour >= 0 && hour <= 23 && floor(hour) == hour]) && var.night.sleep_hour != var.night.wake_hour && var.night.wake_hour >= 1
    error_message = "night: whole hours of 0 to 23, two different ones; wake_hour of at least 1: the database starts half an hour before."
  }
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps logs; one of the numbers that it takes."
  type        = number
  default     = 30

  validation {
    condition     = contains([7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days: 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731."
  }
}

variable "github_repository" {
  description = "owner/name whose workflows may plan and deploy here. Empty: none may."
  type        = string
  default     = ""

  validation {
    condition     = var.github_repository == "" || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository: owner/name, no wildcard."
  }
}

variable "state_bucket" {
  description = "Bucket of Terraform's state (bootstrap/), which GitHub's roles may use. Needed with github_repository."
  type        = string
  default     = ""

  validation {
    condition     = var.github_repository == "" || var.state_bucket != ""
    error_message = "state_bucket: needed with github_repository."
  }
}
