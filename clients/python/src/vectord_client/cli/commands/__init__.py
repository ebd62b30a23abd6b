"""The commands, in modules that are imported only when one of their commands runs."""
