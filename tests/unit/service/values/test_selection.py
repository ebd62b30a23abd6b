"""Filters as JSON text: parsed once where that saves time, but long ones do not fill the memory."""

from itertools import batched

import pytest

from vectord.errors import RequestInvalid
from vectord.service.values.selection import FacetQuery, parse_filter


def filters(length: int) -> list[str]:
    return [f'{{"a": "{number}{"x" * length}"}}' for number in range(4)]


def test_short_filters_are_parsed_once() -> None:
    first = list(map(parse_filter, filters(100)))
    assert all(one is other for one, other in zip(first, map(parse_filter, filters(100)), strict=True))


def test_only_the_latest_long_filter_is_kept() -> None:
    for text, other in batched(filters(100_000), 2):
        tree = parse_filter(text)
        assert parse_filter(text) is tree
        parse_filter(other)
        again = parse_filter(text)
        assert (again == tree, again is tree) == (True, False)


def test_a_path_of_facets_has_a_limit() -> None:
    FacetQuery(["." * 16_384], 1).check()
    with pytest.raises(RequestInvalid, match="16,384 bytes"):
        FacetQuery(["." * 16_385], 1).check()
