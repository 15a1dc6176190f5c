# The telemetry stream: all that stations say, a station's messages in order in one shard.

locals {
  kinesis_reader_actions = ["kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"]
}

resource "aws_kinesis_stream" "telemetry" {
  name             = "${local.name}-telemetry"
  shard_count      = var.kinesis_shards
  retention_period = var.kinesis_retention_h
  encryption_type  = "KMS"
  kms_key_id       = "alias/aws/kinesis"

  # IncomingRecords by shard shows a station that floods; the iterator's age is also of the stream as a whole.
  shard_level_metrics = ["IncomingBytes", "IncomingRecords", "IteratorAgeMilliseconds", "WriteProvisionedThroughputExceeded"]

  stream_mode_details {
    stream_mode = "PROVISIONED"
  }

  lifecycle {
    prevent_destroy = false # what is in it is gone with it: README.md, Destroy
  }
}
