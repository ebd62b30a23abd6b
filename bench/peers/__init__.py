"""vectord in comparison with other libraries: each in its own processes, with the same data, storage and link."""
