"""Benchmarks that print."""
