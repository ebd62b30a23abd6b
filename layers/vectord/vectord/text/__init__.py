"""Text: the analysis `words-1`, which makes terms of texts and of queries."""
