"""Where objects are stored: the protocol, a store in memory and one in S3; and calls of other functions."""
