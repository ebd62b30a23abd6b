"""Decode an index from its object, and encode it as one."""
