"""LHV1, the file format of an index: frame, envelope, parameters and metadata; docs/lhv1.md specifies each byte."""
