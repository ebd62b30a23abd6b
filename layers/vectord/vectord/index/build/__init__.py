"""Build a new base: partitions, graph, documents and columns, and measure the recall of searches over it."""
