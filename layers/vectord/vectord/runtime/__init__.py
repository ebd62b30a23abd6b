"""Composition roots: read the environment once and connect the parts."""
