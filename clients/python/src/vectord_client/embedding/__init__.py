"""Turn texts into vectors with a model, and refuse to mix the vectors of two models in one index."""
