"""`make demo`: load a data set into the local stack, search it, restart everything, and verify each step."""
