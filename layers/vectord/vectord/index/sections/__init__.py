"""The sections of an LHV1 body, each read from bytes that may be only partly in the cache."""
