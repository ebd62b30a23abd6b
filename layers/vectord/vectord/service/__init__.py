"""Use cases: what callers do with indexes, independent of how their requests arrive."""
