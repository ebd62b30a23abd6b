"""The vector index as a value: decode it, search it, change its rows, encode it."""
