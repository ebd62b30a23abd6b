"""Serve indexes to language models by the Model Context Protocol: reads by default, writes on demand."""
