"""Vector buckets of S3 Vectors: a small JSON object for each, and the indexes that were created in them."""
