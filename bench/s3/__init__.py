"""The S3 of the benchmarks: MiniStack behind an emulated link, each in its own process."""
