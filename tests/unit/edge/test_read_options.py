"""`consistency` and `max_staleness` of a request: how old the state may be that answers a read."""

import pytest

from vectord.edge.request import read_options, read_options_in
from vectord.errors import RequestInvalid
from vectord.service.values.options import DEFAULT_STALENESS, MAX_STALENESS


@pytest.mark.parametrize("query", [{}, {"consistency": "strong"}])
def test_a_read_is_strong_by_default(query: dict[str, str]) -> None:
    assert read_options_in(query).staleness is None


def test_an_eventual_read_allows_some_seconds_by_default() -> None:
    assert read_options_in({"consistency": "eventual"}).staleness == DEFAULT_STALENESS


def test_an_eventual_read_allows_the_seconds_that_it_states() -> None:
    assert read_options_in({"consistency": "eventual", "max_staleness": "2.5"}).staleness == 2.5
    assert read_options("eventual", MAX_STALENESS).staleness == MAX_STALENESS


@pytest.mark.parametrize(
    "query",
    [
        {"consistency": "weak"},
        {"max_staleness": "5"},
        *({"consistency": "eventual", "max_staleness": text} for text in ("", "x", "-1", "3601", "nan", "inf")),
    ],
)
def test_any_other_value_is_invalid(query: dict[str, str]) -> None:
    with pytest.raises(RequestInvalid):
        read_options_in(query)
