"""Filters on metadata: what they say, how they are written in a request, and whether a document satisfies one."""

from vectord.filters.match import Container, Leaf, keys, leaves, matcher, matches
from vectord.filters.parse import parse
from vectord.filters.tree import All, Among, AnyOf, Compare, Exists, Filter, Glob, Not, Order, Prefix, Scalar

__all__ = [
    "All",
    "Among",
    "AnyOf",
    "Compare",
    "Container",
    "Exists",
    "Filter",
    "Glob",
    "Leaf",
    "Not",
    "Order",
    "Prefix",
    "Scalar",
    "keys",
    "leaves",
    "matcher",
    "matches",
    "parse",
]
