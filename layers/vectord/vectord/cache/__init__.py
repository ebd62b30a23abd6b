"""Sections of index objects on local disk or in memory, filled piece by piece."""
