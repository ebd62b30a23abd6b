"""`consistency` and `max_staleness` of a request: how old the state may be that answers a read."""

import pytest

from vectord.edge.schemas.consistency import DEFAULT_STALENESS, MAX_STALENESS, staleness, staleness_in
from vectord.errors import RequestInvalid


@pytest.mark.parametrize("query", [{}, {"consistency": "strong"}])
def test_a_read_is_strong_by_default(query: dict[str, str]) -> None:
    assert staleness_in(query) is None


def test_an_eventual_read_allows_some_seconds_by_default() -> None:
    assert staleness_in({"consistency": "eventual"}) == DEFAULT_STALENESS


def test_an_eventual_read_allows_the_seconds_that_it_states() -> None:
    assert staleness_in({"consistency": "eventual", "max_staleness": "2.5"}) == 2.5
    assert staleness("eventual", MAX_STALENESS) == MAX_STALENESS


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
        staleness_in(query)
