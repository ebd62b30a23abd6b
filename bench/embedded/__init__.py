"""Embedded vectord beside databases that also run in the caller's process: an adapter and a child process each."""
