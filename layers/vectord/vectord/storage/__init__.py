"""Where index objects are stored: one protocol, an in-memory store and S3."""
