"""Compile C with the flags of what ships. Standard library only: the client's source distribution has this folder."""
