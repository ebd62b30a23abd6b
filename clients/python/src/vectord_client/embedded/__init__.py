"""Embedded mode: the engine of vectord in the caller's process, on a folder."""
