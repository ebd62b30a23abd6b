"""Storage: the store protocol, with stores in memory, in S3 and in a folder; the inbox; invocations of functions."""
