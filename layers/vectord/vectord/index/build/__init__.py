"""Build a new base: graph, sketch, documents, columns and their calibration."""
