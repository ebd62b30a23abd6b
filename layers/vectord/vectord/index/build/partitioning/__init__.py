"""Divide the rows of an index into partitions of near rows: k-means, spilling, and the numbering of the rows."""
