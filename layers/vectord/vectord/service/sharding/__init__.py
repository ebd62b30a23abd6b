"""Run one request on an index whose rows are spread over many objects."""
