"""Filters on metadata: their syntax tree, their parser, and their evaluation on one document."""
