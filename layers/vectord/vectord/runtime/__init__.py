"""Composition roots: read the environment variables once and connect the parts."""
