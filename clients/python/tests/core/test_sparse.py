"""Sparse vectors, as the client declares them, adds them in the metadata and searches them."""

from collections.abc import Iterator
from math import isnan
from typing import Any

import numpy as np
import pytest

from vectord_client import (
    ArgumentInvalid,
    AsyncClient,
    BatchInvalid,
    Client,
    Index,
    IndexExists,
    IndexShare,
    RequestInvalid,
    SparseField,
    sparse_vector,
)
from vectord_client.sparse_values import SparseVector

SEARCHABLE = SparseField(searchable=True)
FILMS: list[tuple[str, list[float], Any]] = [
    ("alien", [1, 0], {"splade": sparse_vector({3: 0.5, 17: 2.0})}),
    ("aliens", [0.9, 0.1], {"splade": sparse_vector(([17, 9], [1.5, 1.0]))}),
    ("heat", [0, 1], {"splade": sparse_vector((np.array([4], np.uint32), np.array([1.0], np.float32)))}),
    ("thief", [0.1, 1], None),
]


@pytest.fixture
def films(target: str) -> Iterator[Index]:
    with Client(target) as client:
        films = client.create_index("films", dimension=2, sparse="splade")
        films.add(FILMS)
        yield films


@pytest.mark.parametrize(
    "given",
    [
        {17: 1.0, 3: 0.5},
        ([17, 3], [1.0, 0.5]),
        (np.array([17, 3]), np.array([1.0, 0.5], np.float32)),
        {"indices": [17, 3], "values": [1.0, 0.5]},
        {"name": "splade", "indices": (17, 3), "values": np.array([1.0, 0.5])},
        {np.uint32(17): np.float32(1), np.uint32(3): np.float32(0.5)},
    ],
)
def test_a_sparse_vector_may_have_several_forms(films: Index, given: SparseVector) -> None:
    hits = films.search(sparse=given)
    assert [(hit.id, hit.relevance) for hit in hits] == [("alien", 2.25), ("aliens", 1.5)]
    assert isnan(hits[0].distance)


@pytest.mark.parametrize("given", [[1], 5, ("ab", "cd"), {"indices": [1]}, "12"])
def test_another_form_is_refused(films: Index, given: Any) -> None:
    with pytest.raises(ArgumentInvalid):
        films.search(sparse=given)


def test_a_search_has_other_options_and_pages(films: Index) -> None:
    assert films.search(sparse={17: 1.0}, min_relevance=1.6).ids == ["alien"]
    first = films.search(sparse={17: 1.0}, k=1)
    assert films.search(sparse={17: 1.0}, k=1, after=first.next).ids == ["aliens"]


def test_a_hybrid_search_has_all_three_numbers(films: Index) -> None:
    fusion = {"weights": {"vector": 1, "sparse": 3}}
    hits = films.search([0, 1], sparse={17: 1.0}, fusion=fusion, explain=True)
    assert hits.ids[:2] == ["alien", "aliens"]
    assert [hit.explanation.sparse_rank for hit in hits if hit.explanation] == [1, 2, None, None]
    assert all(hit.score is not None and hit.relevance is not None and not isnan(hit.distance) for hit in hits)
    assert "heat" not in films.search(id="heat", sparse={4: 1.0}).ids


def test_what_a_search_is_for_is_given_once(films: Index) -> None:
    with pytest.raises(ArgumentInvalid, match="words or a sparse vector"):
        films.search()


@pytest.fixture
def plots(target: str) -> Iterator[Index]:
    """An index with texts and sparse vectors."""
    with Client(target) as client:
        plots = client.create_index("plots", dimension=2, sparse="splade", text="plot")
        metadata = [{"plot": text} for text in ("a monster hunts", "marines hunt monsters", "a detective", "a thief")]
        plots.add(ids=["alien", "aliens", "heat", "thief"], vectors=np.eye(4, 2) + 0.1, metadata=metadata, sparse=[
            {3: 0.5, 17: 2.0}, {17: 1.5, 9: 1.0}, {4: 1.0}, None,
        ])  # fmt: skip
        yield plots


def test_words_and_a_sparse_vector_are_searched_together(plots: Index) -> None:
    fusion = {"weights": {"text": 1, "sparse": 3}}
    hits = plots.search(words="monsters detective", sparse={17: 1.0, 9: 3.0}, fusion=fusion, explain=True)
    assert hits.ids == ["aliens", "alien", "heat"]
    assert [hit.sparse_relevance for hit in hits] == [4.5, 2.0, 0.0]
    assert all(hit.relevance and hit.score and isnan(hit.distance) for hit in hits)
    first = hits[0].explanation
    assert first is not None
    assert (first.vector_rank, first.sparse_rank, [term.term for term in first.terms]) == (None, 1, ["monster"])
    assert first.indices == (IndexShare(9, 1.0, 3.0), IndexShare(17, 1.5, 1.5))
    with pytest.raises(RequestInvalid, match=r"fusion\.weights\.vector requires 'vector' or 'id'"):
        plots.search(words="a", sparse={17: 1.0}, fusion={"weights": {"vector": 1}})


def test_a_vector_words_and_a_sparse_vector_are_searched_together(plots: Index) -> None:
    hits = plots.search([0, 1], words="thief", sparse={4: 2.0}, k=2)
    whole = plots.search([0, 1], words="thief", sparse={4: 2.0}, k=4)
    assert all(hit.score and not isnan(hit.distance) and hit.sparse_relevance is not None for hit in whole)
    following = plots.search([0, 1], words="thief", sparse={4: 2.0}, k=2, after=hits.next)
    assert [*hits.ids, *following.ids] == whole.ids
    assert plots.search(id="heat", words="thief", sparse={17: 1.0}, highlight=True)[0].sparse_relevance is not None


def test_a_sparse_search_explains_its_relevance(films: Index) -> None:
    [first, _] = films.search(sparse={17: 1.0, 3: 2.0}, explain=True)
    assert first.explanation is not None
    assert first.explanation.indices == (IndexShare(3, 0.5, 1.0), IndexShare(17, 2.0, 2.0))


def test_a_row_has_its_sparse_vector_in_the_metadata(films: Index) -> None:
    assert films["alien"].metadata == {"splade": {"indices": [3, 17], "values": [0.5, 2.0]}}


def test_an_add_names_a_value_that_is_no_sparse_vector(films: Index) -> None:
    with pytest.raises(BatchInvalid) as caught:
        films.add([("a", [1, 1], {"splade": {"indices": [1, 1], "values": [1, 2]}})])
    assert caught.value.errors[0].reason == "metadata.splade.indices has 1 more than once"


def test_names_are_declared_and_described(films: Index) -> None:
    assert films.info().parameters.sparse == {"splade": SEARCHABLE}
    declared = films.declare_sparse(["splade", "of.other"])
    assert declared.parameters.sparse == {"splade": SEARCHABLE, "of.other": SEARCHABLE}
    with pytest.raises(RequestInvalid, match=r"must be one of 'of\.other', 'splade'"):
        films.search(sparse={17: 1.0})
    assert films.search(sparse={"name": "splade", **sparse_vector({17: 1.0})}).ids == ["alien", "aliens"]
    assert films.declare_sparse(None).parameters.sparse is None


def test_an_index_that_exists_is_accepted_with_the_same_names_only(target: str) -> None:
    with Client(target) as client:
        index = client.create_index("t", dimension=2, sparse=["a", "b"])
        client.create_index("t", dimension=2, sparse=("b", "a"), exist_ok=True)
        index.create(dimension=2, sparse=["a", "b"], exist_ok=True)
        with pytest.raises(IndexExists, match="sparse is"):
            client.create_index("t", dimension=2, sparse="a", exist_ok=True)


async def test_an_async_client_does_the_same(target: str) -> None:
    async with AsyncClient(target) as client:
        films = await client.create_index("films", dimension=2, sparse="splade")
        await films.add(FILMS)
        assert (await films.search(sparse={17: 1.0})).ids == ["alien", "aliens"]
        assert (await films.declare_sparse(None)).parameters.sparse is None


IDS, VECTORS = ["a", "b"], [[1, 0], [0, 1]]
THREE = {"indices": [3], "values": [2.0]}


@pytest.mark.parametrize(
    ("sparse", "stored"),
    [
        ([{3: 2.0}, None], [THREE, None]),
        ([None, ([3], np.array([2.0]))], [None, THREE]),
        ([{"splade": {3: 2.0}}, THREE], [THREE, THREE]),
        ({"splade": [None, {3: 2.0}]}, [None, THREE]),
        (np.array([{3: 2.0}, None]), [THREE, None]),
    ],
)
def test_rows_are_added_with_sparse_vectors_beside_them(films: Index, sparse: Any, stored: list[Any]) -> None:
    films.add(ids=IDS, vectors=VECTORS, metadata=[{"n": 1}, None], sparse=sparse)
    films.add([("c", [1, 1], {"n": 3}), ("d", [1, 1])], sparse=sparse)
    found = films.get(["a", "b", "c", "d"], include=["metadata"])
    assert [(row.metadata or {}).get("splade") for row in found] == [*stored, *stored]
    assert [(row.metadata or {}).get("n") for row in found] == [1, None, 3, None]


@pytest.mark.parametrize("sparse", [{3: 2.0}, ([3], [2.0]), {"splade": {3: 2.0}}, [THREE], {"splade": [THREE]}])
def test_one_row_may_have_its_sparse_vector_as_it_is(films: Index, sparse: Any) -> None:
    films.add(ids="a", vectors=[1, 0], sparse=sparse)
    films.add(("b", [1, 0]), sparse=sparse)
    assert [row.metadata for row in films.get(IDS)] == [{"splade": THREE}] * 2


def test_several_names_have_a_column_each(films: Index) -> None:
    films.declare_sparse(["splade", "of.other"])
    films.add(ids=IDS, vectors=VECTORS, sparse={"splade": [THREE, None], "of.other": [{3: 2}, {3: 2}]})
    assert films["a"].metadata == {"splade": THREE, "of": {"other": THREE}}
    assert films["b"].metadata == {"of": {"other": THREE}}


@pytest.mark.parametrize(
    ("sparse", "row", "reason"),
    [
        ([THREE, 5], 1, "A sparse vector is a dict of values by index, or (indices, values), not int"),
        ([{3: float("nan")}, None], 0, "sparse.values[0] is nan, which JSON does not have"),
        ({"splade": [None, ([1, 2], [1, float("inf")])]}, 1, "sparse.splade.values[1] is inf"),
    ],
)
def test_a_sparse_vector_that_cannot_be_sent_is_named(films: Index, sparse: Any, row: int, reason: str) -> None:
    with pytest.raises(ArgumentInvalid) as caught:
        films.add(ids=IDS, vectors=VECTORS, sparse=sparse)
    [bad] = caught.value.errors
    assert (bad.position, bad.id, bad.reason.startswith(reason)) == (row, IDS[row], True)
    assert films.count() == 4


@pytest.mark.parametrize("sparse", [[THREE], {"splade": [THREE] * 3}])
def test_another_number_of_sparse_vectors_than_of_rows_is_refused(films: Index, sparse: Any) -> None:
    with pytest.raises(ArgumentInvalid, match=r"There are 2 rows, and|There are 2 rows and 1"):
        films.add(ids=IDS, vectors=VECTORS, sparse=sparse)


def test_the_service_names_a_row_whose_sparse_vector_it_refuses(films: Index) -> None:
    with pytest.raises(BatchInvalid) as caught:
        films.add(ids=IDS, vectors=VECTORS, sparse=[None, {"other": THREE}])
    [bad] = caught.value.errors
    assert (bad.position, bad.reason) == (1, "sparse.other is not declared by the index, which declares 'splade'")
    assert films.count() == 4


def test_a_queued_add_has_sparse_vectors(films: Index) -> None:
    films.queued.add(ids=IDS, vectors=VECTORS, sparse=[THREE, None]).wait()
    assert films["a"].metadata == {"splade": THREE}


async def test_an_async_client_adds_sparse_vectors(target: str) -> None:
    async with AsyncClient(target) as client:
        films = await client.create_index("films", dimension=2, sparse="splade")
        await films.add(ids=IDS, vectors=VECTORS, sparse=[THREE, None])
        assert (await films.search(sparse={3: 1.0})).ids == ["a"]
        await (await films.queued.add(ids="c", vectors=[1, 1], sparse={3: 3.0})).wait()
        assert (await films.search(sparse={3: 1.0})).ids == ["c", "a"]
