"""The protocol without I/O: requests, responses, and what the operations of the HTTP API send and read."""
