"""Events that are not HTTP requests: SQS messages, compaction requests and shard requests."""
