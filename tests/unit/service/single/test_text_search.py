"""Searches by words through the service: from a declared field to pages of matches, and what is refused before."""

import json

import msgspec
import numpy as np
import pytest

from tests.support.services import FOREVER, a_service
from tests.support.vectors import F32, f32
from vectord.errors import RequestInvalid, VectorNotFound
from vectord.index.query.query import Fusion, Query, TextSearch
from vectord.index.query.text_errors import TextInvalid, TextNotDeclared
from vectord.lhv1.text_fields import TextField
from vectord.readers.entry import NewVector
from vectord.service.service import Service
from vectord.service.values.options import NewIndex
from vectord.service.values.selection import Selection

FILMS = {
    "alien": ([0.9, 0.1], "In space no one can hear you scream", 1979),
    "heat": ([0.1, 0.9], "A heist in Los Angeles", 1995),
    "gravity": ([0.8, 0.3], "Two astronauts are alone in space", 2013),
    "moon": ([0.2, 0.2], "One man works alone on the moon, far from space stations", 2009),
}


WORDS, NEAR = TextSearch("space"), (f32([1, 0]),)


def both(k: int = 1, words: str = "space", vector: F32 = NEAR[0], **fusion: float) -> Query:
    """Return a hybrid query."""
    return Query(k, (vector,), text=TextSearch(words), fusion=Fusion(**fusion))  # type: ignore[arg-type]


@pytest.fixture
def service() -> Service:
    """A service with the index `films`, whose plots can be searched."""
    service = a_service()
    service.create(NewIndex("films", 2, text={"plot": TextField()}), FOREVER)
    service.add("films", [film(name) for name in FILMS], FOREVER)
    return service


def film(name: str) -> NewVector:
    components, plot, year = FILMS[name]
    return NewVector(name, np.array(components), msgspec.Raw(json.dumps({"plot": plot, "year": year}).encode()))


def names(service: Service, query: Query, index: str = "films") -> list[str]:
    return [match.id for match in service.search(index, query, FOREVER).answer.matches]


def test_words_find_what_was_added_and_not_what_was_deleted(service: Service) -> None:
    query = Query(10, text=TextSearch("spaces"))
    assert names(service, query) == ["gravity", "alien", "moon"]  # the shorter a text, the more its words count
    service.delete("films", Selection(ids=["gravity"]), FOREVER)
    assert names(service, query) == ["alien", "moon"]
    service.add("films", [film("gravity")], FOREVER)
    assert names(service, query) == ["gravity", "alien", "moon"]


def test_a_filter_holds_for_words(service: Service) -> None:
    assert names(service, Query(10, text=TextSearch("space"), filter='{"year": {"$lt": 2010}}')) == ["alien", "moon"]


def test_a_stored_vector_and_words_are_searched_for_together(service: Service) -> None:
    [answer] = service.search("films", Query(10, like="alien", text=TextSearch("alone")), FOREVER).answers
    assert [match.id for match in answer.matches] == ["gravity", "moon", "heat"]
    assert [match.score for match in answer.matches] == pytest.approx([2 / 61, 2 / 62, 1 / 63])
    with pytest.raises(VectorNotFound):
        service.search("films", Query(10, like="solaris", text=TextSearch("alone")), FOREVER)


def test_a_result_counts_what_was_read(service: Service) -> None:
    result = service.search("films", both(2), FOREVER)
    assert (result.answer.count, result.answer.eligible, result.answer.more) == (4, 4, True)
    assert result.etag


def test_an_index_without_texts_is_not_searched_by_words(service: Service) -> None:
    service.create(NewIndex("plain", 2), FOREVER)
    with pytest.raises(TextNotDeclared):
        names(service, Query(1, text=TextSearch("space")), "plain")


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (both(words="the"), "only stop words, which are not indexed: 'the'"),
        (both(201), "k must be at most 200, not 201: a hybrid search finds rows in two lists"),
        (both(candidates=0), "fusion.candidates must be 1 to 1,000, not 0"),
        (both(candidates=1_001), "fusion.candidates must be 1 to 1,000, not 1,001"),
        *((both(rank_constant=bad), "fusion.rank_constant must be") for bad in (-1, NAN, INF)),
        *((both(vector_weight=bad), "fusion.weights.vector must be") for bad in (0, NAN, INF)),
        *((both(text_weight=bad), "fusion.weights.text must be") for bad in (0, -1, NAN)),
        *((Query(1, text=TextSearch("a", {"plot": bad})), "weight of 'plot' must be") for bad in (0, -1, NAN, INF)),
        *((Query(1, text=TextSearch("a", min_relevance=bad)), "min_relevance must be") for bad in (-1, NAN, INF)),
        (Query(1, text=TextSearch("a" * 10_001)), "text.query must have at most 10,000 characters, not 10,001"),
        (Query(1, NEAR * 2, text=WORDS), "a search with 'text' or 'sparse' has one query vector or none"),
        (Query(1, text=WORDS, max_distance=1.0), "max_distance needs a vector or an id"),
        (Query(1, NEAR, explain=True), "explain needs 'text'"),
        (both(vector=f32([1, 0, 0])), "vector must have 2 components, not 3"),
        (Query(0, text=WORDS), "k must be 1 to 10,000, not 0"),
    ],
)
def test_what_is_out_of_range_is_refused(service: Service, query: Query, message: str) -> None:
    with pytest.raises(RequestInvalid, match=message):
        names(service, query)


def test_errors_of_words_are_errors_of_requests() -> None:
    assert issubclass(TextInvalid, RequestInvalid)


def test_the_largest_values_give_finite_scores(service: Service) -> None:
    text = TextSearch("space", {"plot": 1e6}, min_relevance=1e5)
    query = Query(2, NEAR, text=text, fusion=Fusion(0.0, 1_000, 1e6, 1e6))
    found = service.search("films", query, FOREVER)
    assert [match.score for match in found.answer.matches] == pytest.approx([1.5e6, 1.5e6])
