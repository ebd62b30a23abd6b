"""Read vectors from the formats that callers send."""
