"""The protocol of Amazon S3 Vectors, API version 2025-07-15, in front of the same use cases as the native API."""
