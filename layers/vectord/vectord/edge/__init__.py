"""The HTTP edge: convert events to requests, and results to responses. Only this folder knows status codes."""
