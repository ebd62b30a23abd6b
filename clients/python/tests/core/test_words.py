"""Searches by words and hybrid ones, as the client sends them and reads their answers."""

from collections.abc import Iterator
from math import isnan
from typing import Any

import pytest

from vectord_client import ArgumentInvalid, AsyncClient, Client, Highlight, Index, RequestInvalid

FILMS = [
    ("alien", [1, 0], {"plot": "A monster in space", "title": "Alien"}),
    ("aliens", [0.9, 0.1], {"plot": "Monsters, monsters", "title": "Aliens"}),
    ("heat", [0, 1], {"plot": "A thief in Los Angeles", "title": "Heat"}),
]


@pytest.fixture
def films(target: str) -> Iterator[Index]:
    with Client(target) as client:
        films = client.create_index("films", dimension=2, text=["plot", "title"])
        films.add(FILMS)
        yield films


def test_words_alone_find_the_most_relevant(films: Index) -> None:
    hits = films.search(words="monster")
    assert (hits.ids, hits.strategy) == (["aliens", "alien"], "text")
    assert hits[0].relevance > hits[1].relevance > 0  # type: ignore[operator]
    assert isnan(hits[0].distance)
    assert (hits[0].score, hits[0].explanation) == (None, None)
    assert repr(hits).startswith(f"<Hits [aliens {hits[0].relevance:.4g}, alien ")


def test_words_have_options(films: Index) -> None:
    assert films.search(words={"query": "monster space", "match": "all"}).ids == ["alien"]
    assert films.search(words={"query": "ali", "fields": {"title": 2}, "prefix": True}).ids == ["alien", "aliens"]
    best = films.search(words="monster")[0].relevance
    assert films.search(words="monster", min_relevance=best).ids == ["aliens"]


def test_a_hybrid_search_has_all_three_numbers(films: Index) -> None:
    for hits in (films.search([0, 1], words="monster"), films.search(id="heat", words="monster")):
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)  # type: ignore[type-var]
        assert all(not isnan(hit.distance) and hit.relevance is not None for hit in hits)
    assert films.search([0, 1], words="monster", fusion={"weights": {"vector": 100}}, k=1).ids == ["heat"]


def test_an_explanation_has_ranks_and_terms(films: Index) -> None:
    [hit] = films.search(words="space", explain=True)
    assert hit.explanation is not None
    [term] = hit.explanation.terms
    assert (term.field, term.term, term.count, term.rows, term.share) == ("plot", "space", 1, 1, hit.relevance)
    assert [hit.explanation.vector_rank for hit in films.search([1, 0], words="space", explain=True) if hit.explanation]


def test_highlights_are_places_in_the_metadata(films: Index) -> None:
    films.add([("e", [1, 1], {"plot": [{"x": 1}, ["An \U0001f600 and monsters"]]})])
    found = {hit.id: hit for hit in films.search(words="the monster", highlight=True)}
    assert {i: [h.words(hit.metadata) for h in hit.highlights or ()] for i, hit in found.items()} == {
        "aliens": [["Monsters", "monsters"]],
        "alien": [["monster"]],
        "e": [["monsters"]],
    }
    assert found["e"].highlights == (Highlight("plot", ("plot", 1, 0), ((9, 17),)),)
    assert found["alien"].highlights is not None
    assert found["alien"].highlights[0].text(found["alien"].metadata) == "A monster in space"


def test_a_hit_has_highlights_on_request_alone(films: Index) -> None:
    assert films.search(words="monster")[0].highlights is None
    hits = films.search([0, 1], words="monster", highlight=True, include=())
    assert {hit.id: bool(hit.highlights) for hit in hits} == {"aliens": True, "alien": True, "heat": False}
    assert {hit.metadata for hit in hits} == {None}


def test_an_earlier_state_has_highlights(films: Index) -> None:
    films.delete(ids=["aliens"])
    [before] = list(films.versions())[1:2]
    hits = films.search(words="monster", highlight=True, as_of=before)
    assert [(hit.id, [each.words(hit.metadata) for each in hit.highlights or ()]) for hit in hits] == [
        ("aliens", [["Monsters", "monsters"]]),
        ("alien", [["monster"]]),
    ]


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ({"words": "monster"}, ["alien", "aliens"]),
        ({"words": {"query": "monster space", "match": "all"}}, ["alien"]),
        ({"words": {"query": "ali", "fields": ["title"], "prefix": True}}, ["alien", "aliens"]),
        ({"words": "monster", "filter": {"title": "Alien"}}, ["alien"]),
        ({"words": "monster", "min_relevance": 1_000}, []),
        ({}, ["alien", "aliens", "heat"]),
    ],
)
def test_rows_with_words_are_counted(films: Index, options: dict[str, Any], ids: list[str]) -> None:
    assert films.count(**options) == len(ids)
    facets = films.facets("title", **options)
    assert facets.count == len(ids)
    assert sorted(str(one.value).lower() for one in facets["title"].values) == ids


def test_pages_continue(films: Index) -> None:
    first = films.search(words="monster", k=1)
    second = films.search(words="monster", k=1, after=first.next)
    assert (first.ids, second.ids, second.next) == (["aliens"], ["alien"], None)


async def test_the_asynchronous_client_searches_too(target: str) -> None:
    async with AsyncClient(target) as client:
        films = await client.create_index("films", dimension=2, text="plot")
        await films.add(FILMS)
        assert (await films.search(words="monster")).ids == ["aliens", "alien"]
        [hit] = await films.search([1, 0], words="space", k=1, explain=True)
        assert hit.id == "alien"
        assert hit.explanation is not None
        [hit] = await films.search(words="space", highlight=True)
        assert [each.words(hit.metadata) for each in hit.highlights or ()] == [["space"]]
        assert await films.count(words="monster") == 2
        assert (await films.facets("title", words="monster")).count == 2


def test_what_does_not_fit_together_is_refused(films: Index) -> None:
    for options in ({}, {"vector": [1, 0], "id": "heat", "words": "monster"}):
        with pytest.raises(ArgumentInvalid, match="exactly one of vector, id and text, or words"):
            films.search(**options)  # type: ignore[arg-type]
    with pytest.raises(RequestInvalid, match="explain"):
        films.search([1, 0], explain=True)
    with pytest.raises(RequestInvalid, match="highlight"):
        films.search([1, 0], highlight=True)
    with pytest.raises(RequestInvalid, match="min_relevance"):
        films.count(min_relevance=1)
    with pytest.raises(RequestInvalid, match=r"text\.query has no words"):
        films.search(words="?")
