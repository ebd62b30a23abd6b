"""Run one request on an index that is one object."""
