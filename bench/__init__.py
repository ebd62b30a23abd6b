"""Benchmarks that print: `run.py` starts them, `report` and `threshold` are what they print."""
