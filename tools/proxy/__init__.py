"""One HTTP/1.1 proxy in front of S3: the benchmark's slow link and the tests' fault injection are both built on it."""
