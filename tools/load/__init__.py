"""Measurements on the local stack: a load test, and the time from an upload to a searchable vector."""
