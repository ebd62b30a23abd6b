"""The nesting of metadata is counted in its text as its values are nested."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from vectord.errors import RequestInvalid
from vectord.readers.entry import MAX_NESTING, checked_metadata

LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.text('[]{}\\":,a é', max_size=6)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"a', max_size=3), inner, max_size=3),
    max_leaves=8,
)


def levels(value: Any) -> int:
    """Return the number of levels of a value; one that is neither an array nor an object has one."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(levels, inner), default=0)


def is_refused(text: str) -> bool:
    try:
        checked_metadata(msgspec.Raw(text.encode()))
    except RequestInvalid:
        return True
    return False


@given(
    value=VALUES,
    around=st.integers(MAX_NESTING - 5, MAX_NESTING),
    indent=st.sampled_from([None, 1]),
    keys=st.booleans(),
)
def test_metadata_is_refused_if_a_value_is_on_a_further_level(
    value: Any, around: int, indent: int | None, keys: bool
) -> None:
    for _ in range(around):
        value = {"[": value} if keys else [value, "{[\\"]
    assert is_refused(json.dumps(value, indent=indent, ensure_ascii=False)) == (levels(value) > MAX_NESTING)
