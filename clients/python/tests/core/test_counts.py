"""Counts and facets of what a search finds, now and in an earlier state."""

from typing import Any

import pytest

from vectord_client import ArgumentInvalid, AsyncClient, Client, RequestInvalid, sparse_vector

EARLIER: list[Any] = [
    ("alien", [1, 0], {"plot": "a monster in space", "splade": sparse_vector({3: 0.5, 17: 2.0})}),
    ("heat", [0, 1], {"plot": "a thief", "splade": sparse_vector({17: -1.0})}),
]
LATER: list[Any] = [
    ("aliens", [1, 1], {"plot": "many monsters", "splade": sparse_vector({9: 1.0, 17: 1.5})}),
    ("thief", [0, 2], {"plot": "a thief"}),
]
COUNTED = [
    ({}, 2, 4),
    ({"filter": {"plot": "a thief"}}, 1, 2),
    ({"words": "monster"}, 1, 2),
    ({"words": {"query": "monster space", "match": "all"}}, 1, 1),
    ({"words": "monster", "min_relevance": 1_000}, 0, 0),
    ({"sparse": {17: 1.0}}, 2, 3),
    ({"sparse": ([9, 3], [1.0, 1.0])}, 1, 2),
    ({"sparse": {"name": "splade", "indices": [17], "values": [1.0]}, "min_relevance": 1.0}, 1, 2),
    ({"sparse": {17: 1.0}, "filter": {"plot": "a thief"}}, 1, 1),
]


@pytest.fixture
def earlier(target: str) -> str:
    """The ETag of the earlier of two states of the index `films`."""
    with Client(target) as client:
        films = client.create_index("films", dimension=2, text="plot", sparse="splade")
        etag = films.add(EARLIER).etag
        films.add(LATER)
    assert etag is not None
    return etag


def test_what_a_search_finds_is_counted_now_and_in_an_earlier_state(target: str, earlier: str) -> None:
    with Client(target) as client:
        films = client.index("films")
        for options, before, after in COUNTED:
            view: Any = films.at(earlier)
            given: Any = options
            assert (view.count(**given), films.count(**given)) == (before, after), options
            assert (view.facets("plot", **given).count, films.facets("plot", **given).count) == (before, after), options


async def test_the_asynchronous_client_counts_the_same(target: str, earlier: str) -> None:
    async with AsyncClient(target) as client:
        films = client.index("films")
        for options, before, after in COUNTED:
            view: Any = films.at(earlier)
            given: Any = options
            assert (await view.count(**given), await films.count(**given)) == (before, after), options
            facets = await view.facets("plot", **given), await films.facets("plot", **given)
            assert tuple(each.count for each in facets) == (before, after), options


def test_what_cannot_be_counted_is_refused(target: str, earlier: str) -> None:
    with Client(target) as client:
        films = client.index("films")
        with pytest.raises(RequestInvalid, match="'text' cannot be combined with 'sparse' in a count"):
            films.at(earlier).count(words="monster", sparse={17: 1.0})
        with pytest.raises(ArgumentInvalid, match="A sparse vector is"):
            films.count(sparse=5)  # type: ignore[arg-type]
        with pytest.raises(RequestInvalid, match="as_of"):
            films.at(earlier).count(consistency="eventual")
