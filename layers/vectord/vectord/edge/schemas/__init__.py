"""The JSON bodies and query strings of requests, and the JSON bodies of answers."""
