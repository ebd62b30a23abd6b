"""vectord: vector search with no servers; an index is one object in S3."""
