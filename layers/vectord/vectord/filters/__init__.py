"""Metadata filters: parse a filter, and test one document against it."""
