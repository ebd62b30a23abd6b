"""The LHV1 format: frame, envelope and parameters of an index object."""
