"""Search by words, alone and together with a vector."""
