"""Uploaded files: read, added to their indexes in groups, and reported if they cannot be added."""
