"""The edge: an HTTP API event in, a response out. The only place that knows status codes and JSON bodies."""
