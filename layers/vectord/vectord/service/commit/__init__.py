"""Write the state of an index with conditional requests, retried within a deadline."""
