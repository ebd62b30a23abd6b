"""Filters on metadata: what they say, how they are written in a request, and whether a document satisfies one."""
