# Terraform and the one provider; where the state lies; how AWS is reached.

terraform {
  required_version = ">= 1.11" # the state is locked in S3 itself

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  backend "s3" {} # terraform init -backend-config=envs/staging.s3.tfbackend
}

provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}

# CloudFront takes certificates from this region only.
provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"

  default_tags {
    tags = local.tags
  }
}
