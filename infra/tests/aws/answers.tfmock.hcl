# What a plan asks AWS for, and what the mocked one says. Everything else of it is known after an apply only.

mock_data "aws_caller_identity" {
  defaults = {
    account_id = "123456789012"
  }
}

mock_data "aws_partition" {
  defaults = {
    partition = "aws"
  }
}

mock_data "aws_iot_endpoint" {
  defaults = {
    endpoint_address = "a1b2c3-ats.iot.us-east-1.amazonaws.com"
  }
}

mock_data "aws_iam_policy_document" {
  defaults = {
    json = "{\"Version\": \"2012-10-17\", \"Statement\": []}"
  }
}
