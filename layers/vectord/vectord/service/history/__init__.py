"""Restore and copy earlier states of an index."""
