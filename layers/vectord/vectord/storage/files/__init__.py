"""The store in a folder: an object is one file, and several processes may use the folder at the same time."""
