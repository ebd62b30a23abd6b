"""The edge: an event in, a response out. Only this folder knows status codes and JSON bodies."""
