"""The forest: Annoy's trees over the rows of an index, in the file format that plain Annoy reads."""
