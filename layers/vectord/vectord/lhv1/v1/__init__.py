"""LHV1 version 1, as the earlier Go service wrote it: read whole, never written."""
