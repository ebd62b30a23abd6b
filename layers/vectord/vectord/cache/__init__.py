"""The section cache: sections of blobs on local disk, fetched range by range, checked once complete, and bounded."""
