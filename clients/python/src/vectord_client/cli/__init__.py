"""The command `vectord`: tables for people, JSON lines for programs, and exit codes for both."""
