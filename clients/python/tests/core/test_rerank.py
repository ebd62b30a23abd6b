"""Matches that are ranked again by a scorer: a function, a coroutine function, or a model with `predict`."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vectord_client import ArgumentInvalid, AsyncClient, Client, Hits, Index, RerankFailed, arerank, rerank

FILMS = [
    ("alien", [1, 0], {"plot": "A monster in space", "by": {"name": "Scott"}, "tags": ["horror", "scifi"]}),
    ("heat", [0.1, 1], {"plot": "A thief in Los Angeles", "by": {"name": "Mann"}}),
    ("thief", [0, 1], {"plot": "A thief", "by": {"name": "Mann"}, "tags": []}),
    ("none", [0.2, 1], {"year": 1979}),
    ("empty", [0.3, 1], None),
]


def longest(query: str, texts: list[str]) -> list[int]:
    return [len(text) for text in texts]


class Model:
    """Has the two ways to be called of a CrossEncoder: `predict`, and the forward pass of its network."""

    def predict(self, pairs: Sequence[tuple[str, str]]) -> Any:
        return np.array([query in text for query, text in pairs], np.float32)

    def __call__(self, *inputs: Any) -> Any:
        raise AssertionError("the forward pass is not for texts")


@pytest.fixture
def films(target: str) -> Iterator[Index]:
    with Client(target) as client:
        films = client.create_index("films", dimension=2, text=["plot"])
        films.add(FILMS)
        yield films


def ids_of(hits: Hits, scorer: Any, **options: Any) -> list[str]:
    return rerank(hits, "space", scorer, text="plot", **options).ids


def test_the_highest_score_is_first_and_a_hit_keeps_its_numbers(films: Index) -> None:
    before = films.search([0, 1], words="thief", k=3)
    hits = rerank(before, "space", longest, text="plot")
    assert hits.ids == ["heat", "thief", "none"]
    assert hits[0].rerank_score == len("A thief in Los Angeles")
    same = {hit.id: (hit.distance, hit.relevance, hit.score) for hit in before}
    assert {hit.id: (hit.distance, hit.relevance, hit.score) for hit in hits} == same
    assert (hits.count, hits.strategy, hits.etag) == (before.count, before.strategy, before.etag)
    assert repr(hits).startswith("<Hits [heat 22, thief 7, ")


def test_hits_without_a_text_follow_in_their_order_without_a_score(films: Index) -> None:
    hits = rerank(films.search([0, 1]), "space", longest, text="plot")
    assert hits.ids == ["heat", "alien", "thief", "none", "empty"]
    assert [hit.rerank_score for hit in hits[3:]] == [None, None]


def test_k_hits_are_left_and_have_no_next_page(films: Index) -> None:
    before = films.search([0, 1], k=4)
    assert before.next is not None
    hits = rerank(before, "space", longest, text="plot", k=2)
    assert (hits.ids, hits.next) == (["heat", "thief"], None)


def test_equal_scores_keep_the_order_of_the_search(films: Index) -> None:
    hits = films.search([0, 1])
    assert ids_of(hits, lambda query, texts: [0] * len(texts)) == ["thief", "heat", "alien", "none", "empty"]


def test_a_cross_encoder_gets_pairs_of_the_query_and_a_text(films: Index) -> None:
    hits = rerank(films.search([0, 1]), "space", Model(), text="plot", k=2)
    assert [(hit.id, hit.rerank_score) for hit in hits] == [("alien", 1.0), ("thief", 0.0)]


@pytest.mark.parametrize("form", [list, tuple, np.array, iter, lambda scores: [np.float32(each) for each in scores]])
def test_scores_come_in_every_form_of_numbers(films: Index, form: Any) -> None:
    assert ids_of(films.search([0, 1]), lambda query, texts: form([-1, 0.5, 2]), k=3) == ["alien", "heat", "thief"]


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("by.name", ["Mann", "Mann", "Scott"]),
        ("tags", ["horror\nscifi"]),
        (["by.name", "plot"], ["Mann\nA thief", "Mann\nA thief in Los Angeles", "Scott\nA monster in space"]),
    ],
)
def test_the_scorer_gets_the_texts_at_one_path_or_several(films: Index, path: Any, texts: list[str]) -> None:
    given: list[Any] = []

    def scorer(query: str, found: list[str]) -> list[int]:
        given.append((query, found))
        return [0] * len(found)

    rerank(films.search([0, 1]), "space", scorer, text=path)
    assert given == [("space", texts)]


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ([1, 2], "returned 2 scores for 3 texts"),
        ([1, 2, 3, 4], "returned 4 scores for 3 texts"),
        (np.ones((3, 2)), r"score of texts\[0\] is \[1.0, 1.0\]"),
        ([1, float("nan"), 3], r"score of texts\[1\] is nan"),
        ([1, 2, float("inf")], r"score of texts\[2\] is inf"),
        ([1, None, 3], r"score of texts\[1\] is None"),
        ([1, "2", 3], r"score of texts\[1\] is '2'"),
        ([True, False, True], r"score of texts\[0\] is True"),
        (None, "returned NoneType, not a score for each of 3 texts"),
        (0.5, "returned float, not"),
        (np.float32(0.5), "returned float32, not"),
        ("abc", "returned str, not"),
    ],
)
def test_scores_that_are_not_a_finite_number_for_each_text_are_refused(
    films: Index, returned: Any, message: str
) -> None:
    with pytest.raises(RerankFailed, match=message):
        rerank(films.search([0, 1]), "space", lambda query, texts: returned, text="plot")


def test_what_a_scorer_raises_is_raised(films: Index) -> None:
    def scorer(query: str, texts: list[str]) -> list[float]:
        raise ConnectionRefusedError("the model is not there")

    with pytest.raises(ConnectionRefusedError):
        rerank(films.search([0, 1]), "space", scorer, text="plot")


def test_hits_that_have_no_texts_at_all_are_refused(films: Index) -> None:
    with pytest.raises(ArgumentInvalid, match="No hit has a text at 'title'"):
        rerank(films.search([0, 1]), "space", longest, text="title")
    with pytest.raises(ArgumentInvalid, match="No hit has a text at 'plot' or 'tags'"):
        rerank(films.search([0, 1], include=["vector"]), "space", longest, text=["plot", "tags"])


def test_a_query_is_text_and_k_at_least_1(films: Index) -> None:
    hits = films.search([0, 1])
    with pytest.raises(ArgumentInvalid, match="query must be a text, not list"):
        rerank(hits, ["space"], longest, text="plot")  # type: ignore[arg-type]
    with pytest.raises(ArgumentInvalid, match="k is 0"):
        rerank(hits, "space", longest, text="plot", k=0)


def test_without_hits_the_scorer_is_not_called(films: Index) -> None:
    def scorer(query: str, texts: list[str]) -> list[float]:
        raise AssertionError("it was called")

    assert rerank(films.search(words="submarine"), "space", scorer, text="plot").ids == []


async def test_the_asynchronous_function_awaits_a_scorer_or_calls_it_in_a_thread(target: str) -> None:
    async def scorer(query: str, texts: list[str]) -> list[int]:
        return longest(query, texts)

    async with AsyncClient(target) as client:
        films = await client.create_index("films", dimension=2)
        await films.add(FILMS)
        hits = await films.search([0, 1])
        for one in (scorer, longest):
            assert (await arerank(hits, "space", one, text="plot", k=2)).ids == ["heat", "alien"]
        assert (await arerank(hits, "space", Model(), text="plot", k=1)).ids == ["alien"]
        with pytest.raises(RerankFailed, match="2 scores"):
            await arerank(hits, "space", lambda query, texts: [1, 2], text="plot")


async def test_a_generator_of_scores_is_read_outside_of_the_event_loop(tmp_path: Path) -> None:
    threads = []

    def scorer(query: str, texts: list[str]) -> Iterator[int]:
        for text in texts:
            threads.append(threading.get_ident())
            yield len(text)

    async with AsyncClient(tmp_path) as client:
        films = await client.create_index("films", dimension=2)
        await films.add(FILMS)
        assert (await arerank(await films.search([0, 1]), "space", scorer, text="plot", k=1)).ids == ["heat"]
    assert len(threads) == 3
    assert threading.get_ident() not in threads
