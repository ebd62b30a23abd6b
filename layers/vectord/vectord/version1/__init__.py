"""LHV1 version 1, as the Go service wrote it: read whole, never written."""

from vectord.version1.blob import Version1, read

__all__ = ["Version1", "read"]
