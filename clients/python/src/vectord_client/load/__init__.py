"""Load any number of rows in bounded memory, resume after an interruption, and export to a local file."""
