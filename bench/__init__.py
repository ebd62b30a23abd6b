"""Benchmarks; `python bench/run.py` starts them."""
