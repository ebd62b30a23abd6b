"""Vectors as callers write them, to entries: each a vector or what is wrong with it."""

from vectord.formats.entry import Components, Entry, NewVector, components, entry_of_json

__all__ = ["Components", "Entry", "NewVector", "components", "entry_of_json"]
