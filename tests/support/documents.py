"""Hypothesis strategies for metadata and filters: small, so that they often match, with awkward values."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st

from vectord.filters.tree import And, Compare, Exists, Glob, In, Not, Or, Prefix

KEYS = st.sampled_from(["a", "b", "a.b", "c", "", "ü"])
PATHS = st.sampled_from(["a", "b", "a.b", "a.a", "b.a.b", "c", "", ".a", "ü", "nowhere"])
# Around the 128 bytes that a column keeps of a text, also with a character across the cut.
LONG = ["x" * 127, "x" * 128, "x" * 129, "x" * 128 + "\0", "x" * 128 + "é", "x" * 127 + "é", "é" * 64, "é" * 64 + "z"]
TEXTS = st.sampled_from(["", "a", "ab", "abc", "b", "a\0", "z", "é", "\uffff", "\U0001f600", *LONG])
# Around 2 ** 53, above which float64 represents only some integers, and beyond its range.
LARGE = [s * n + d for n in (2**53, 2**60, 2**63) for d in (-1, 0, 1, 2, 3) for s in (1, -1)] + [10**400, -(10**400)]
NUMBERS = st.sampled_from([0, 1, -1, 2, 127, 128, -129, 40_000, 2**31, 0.5, 1.0, -0.0, 1e300, 2.0**53, 2.0**60, *LARGE])
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
DOCUMENTS = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
OBJECTS = st.dictionaries(KEYS, DOCUMENTS, max_size=4)
GLOBS = st.sampled_from(["*", "", "a*", "?", "*b", "[a-b]", "x*", "*\0", "a", *[text + "*" for text in LONG], *LONG])
CONDITIONS = (
    st.builds(In, PATHS, st.lists(SCALARS, max_size=4).map(tuple))
    | st.builds(Compare, PATHS, st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), TEXTS | NUMBERS)
    | st.builds(Exists, PATHS)
    | st.builds(Prefix, PATHS, TEXTS)
    | st.builds(Glob, PATHS, GLOBS)
)
FILTERS = st.recursive(
    CONDITIONS,
    lambda inner: (
        st.builds(And, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Not, inner)
    ),
    max_leaves=5,
)


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value, allow_nan=False).encode())


def raws(values: Sequence[Any]) -> list[msgspec.Raw | None]:
    """Return metadata as it is stored; None stays None."""
    return [None if value is None else raw(value) for value in values]
