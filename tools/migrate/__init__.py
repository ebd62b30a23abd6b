"""Copy an index of S3 Vectors into vectord: read in segments, resume after an interruption, verify the copy."""
