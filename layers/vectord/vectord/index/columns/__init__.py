"""Columns: the metadata of all rows by path, as arrays that a filter tests at once."""
