"""LHV1 version 1, the format of the earlier Go service: read as a whole, never written."""
