"""Search by words: which rows have them, and their relevance by BM25."""
