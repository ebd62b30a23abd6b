"""Searches by words: vectord beside libraries of text search, what its texts cost, and the quality of hybrid search."""
