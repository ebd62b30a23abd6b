"""The entry point of the command `vectord`: a package that imports nothing before it can handle Ctrl-C."""
