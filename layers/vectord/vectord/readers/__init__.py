"""Readers: decode vectors that callers send, in a JSON body or in a file, to entries."""
