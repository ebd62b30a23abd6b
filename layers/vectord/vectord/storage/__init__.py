"""Storage: the store protocol, a store in memory and a store in S3; and invocations of other functions."""
