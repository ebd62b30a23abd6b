"""A search by a sparse vector finds what a plain computation finds, in base and tail, alone and in a hybrid search."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec import structs

from tests.support import vectors as v
from tests.support.sections import PACKED, cold, stored_object
from tests.support.sparse_vectors import (
    DIMENSION,
    NAMES,
    Row,
    Sparse,
    SparseIndex,
    drawn_rows,
    item,
    items,
    product,
    ranked,
    search_for,
)
from vectord.filters.tree import Exists, In
from vectord.index import mutations
from vectord.index.build import rebuild
from vectord.index.codec import decode, encode
from vectord.index.kernels.distance import distances
from vectord.index.query.filtering import matching_rows
from vectord.index.query.query import Answer, Fusion, Query, SparseSearch, TextSearch, key_of_seen
from vectord.index.query.text import hybrid
from vectord.index.query.text.search import search
from vectord.index.query.text_errors import (
    SparseNameMissing,
    SparseNameUnknown,
    SparseNotDeclared,
    TextFieldNotBuilt,
    TextFieldUnknown,
    TextInvalid,
    TextNotDeclared,
)
from vectord.index.rows import RowMask
from vectord.index.state import Index
from vectord.lhv1.text_fields import SPARSE, TextField

TARGET = np.array([0.5, -1, 0.25, 2], np.float32)
QUERIES: list[Sparse] = [
    {0: 1.0},
    {255: 0.3, 256: -2.0, 2**32 - 1: 1e-3},
    {0: 0.1, 1: 0.2, 7: 0.3, 65_536: 5.0, 2**31: 0.7},
    {12_345: 1.0},
    {12_345: 1.0, 7: 2.5},
]


@pytest.fixture(scope="module")
def held() -> SparseIndex:
    """Rows in the base and in two pieces of the tail; some of each were removed or replaced."""
    found = SparseIndex(drawn_rows(60, 1))
    found.add(drawn_rows(15, 2, "s"))
    found.add(drawn_rows(8, 3, "r"))
    found.remove("r020", "r059", "s003", "s014", "r005")
    found.add({"t": ({7: 3.25}, {}, found.rows["r000"][2])})
    assert (found.packed.index.base is not None, len(found.packed.index.tail.pieces) > 0) == (True, True)
    return found


def by_sparse(
    index: Index, sparse: Mapping[int, float], k: int = 1_000, *, matching: RowMask | None = None, **more: Any
) -> Answer:
    text = search_for(sparse, **{name: more.pop(name) for name in ("name", "least") if name in more})
    return search(index, Query(k, sparse=text, **more), matching)


def assert_exact(answer: Answer, expected: Mapping[str, float]) -> None:
    assert [(match.id, match.relevance) for match in answer.matches] == [(i, expected[i]) for i in ranked(expected)]


@pytest.mark.parametrize("query", QUERIES)
def test_matches_have_their_exact_dot_products(held: SparseIndex, query: Sparse) -> None:
    answer = by_sparse(held.packed.index, query)
    assert_exact(answer, held.products(query))
    assert (answer.count, answer.eligible, answer.strategy, answer.statistics) == (len(held.rows),) * 2 + ("text", None)
    assert {match.distance for match in answer.matches} <= {None}


def test_each_name_has_its_own_sparse_vectors(held: SparseIndex) -> None:
    assert_exact(by_sparse(held.packed.index, QUERIES[2], name="of.second"), held.products(QUERIES[2], 1))


def test_a_filter_and_excluded_ids_leave_rows_out(held: SparseIndex) -> None:
    index, allowed = held.packed.index, {i for i in held.rows if i.endswith(("1", "4"))}
    hidden = index.find([i for i in held.rows if i not in allowed])
    answer = by_sparse(index, QUERIES[2], matching=index.live.without(hidden.values()), exclude=("r004", "s011"))
    assert_exact(answer, held.products(QUERIES[2], among=allowed - {"r004", "s011"}))


def test_a_match_may_need_a_least_relevance(held: SparseIndex) -> None:
    expected = held.products(QUERIES[2])
    least = sorted(expected.values())[len(expected) // 2]
    answer = by_sparse(held.packed.index, QUERIES[2], least=least)
    assert_exact(answer, {i: score for i, score in expected.items() if score >= least})


@pytest.mark.parametrize("query", [QUERIES[1], QUERIES[2]])
@pytest.mark.parametrize("k", [pytest.param(1, marks=pytest.mark.slow), 7])
def test_pages_have_each_match_once_in_order(held: SparseIndex, query: Sparse, k: int) -> None:
    found: list[tuple[str, float | None]] = []
    after: tuple[float, str] | None = None
    while True:
        answer = by_sparse(held.packed.index, query, k, after=after)
        found += [(match.id, match.relevance) for match in answer.matches]
        if not answer.more:
            break
        last = answer.matches[-1]
        after = (last.relevance or 0.0, last.id)
    expected = held.products(query)
    assert found == [(i, expected[i]) for i in ranked(expected)]


@pytest.mark.slow
def test_a_build_changes_no_relevance(held: SparseIndex) -> None:
    rebuilt = held.packed.branch()
    rebuilt.commit(rebuilt.index, rebuild=True)
    assert_exact(by_sparse(rebuilt.index, QUERIES[2]), held.products(QUERIES[2]))
    assert not rebuilt.index.tail.pieces


def test_words_and_sparse_vectors_are_beside_each_other(held: SparseIndex) -> None:
    words = search(held.packed.index, Query(1_000, text=TextSearch("fox")))
    assert len(words.matches) == len(held.rows)
    with pytest.raises(TextFieldUnknown):
        search(held.packed.index, Query(1, text=TextSearch("fox", {"splade": 1.0})))


def test_a_cold_search_finds_the_same(held: SparseIndex) -> None:
    index, _ = cold(held.packed.blob)
    expected = held.products(QUERIES[0])
    answer = by_sparse(index, QUERIES[0], 3, include_vectors=False)
    assert [match.id for match in answer.matches] == ranked(expected)[:3]
    assert answer.plan == "ranges"


@pytest.mark.parametrize(
    ("fields", "sparse", "error"),
    [
        ({}, SparseSearch(None, (1,), (1.0,)), SparseNotDeclared),
        ({"body": TextField()}, SparseSearch(None, (1,), (1.0,)), SparseNotDeclared),
        (NAMES, SparseSearch(None, (1,), (1.0,)), SparseNameMissing),
        (NAMES, SparseSearch("body", (1,), (1.0,)), SparseNameUnknown),
        (NAMES, SparseSearch("", (1,), (1.0,)), SparseNameUnknown),
        (NAMES, SparseSearch("splade", (1, 1), (1.0, 1.0)), TextInvalid),
        (NAMES, SparseSearch("splade", (), ()), TextInvalid),
        (NAMES, SparseSearch("splade", (1,), (0.0,)), TextInvalid),
    ],
)
@pytest.mark.parametrize("rows", [0, 2])
def test_a_search_that_cannot_be_is_refused(
    fields: Any, sparse: SparseSearch, error: type[TextInvalid], rows: int
) -> None:
    index = v.with_items(v.empty(2, text=fields), [v.item(str(row), [1, row]) for row in range(rows)])
    with pytest.raises(error):
        search(index, Query(1, sparse=sparse))


def test_words_need_a_field_of_texts() -> None:
    with pytest.raises(TextNotDeclared):
        search(v.empty(2, text={"splade": SPARSE}), Query(1, text=TextSearch("fox")))


def test_the_name_may_be_left_out_if_there_is_one() -> None:
    index = v.with_items(v.empty(DIMENSION, text={"splade": SPARSE}), [item("a", ({3: 2.0}, {}, TARGET))])
    assert [match.relevance for match in by_sparse(index, {3: 0.5}, name=None).matches] == [1.0]


def test_names_declared_later_need_a_build(held: SparseIndex) -> None:
    index = v.declared(held.packed.index, {**NAMES, "later": SPARSE})
    with pytest.raises(TextFieldNotBuilt):
        by_sparse(index, QUERIES[0], name="later")


def test_a_stored_value_that_is_no_sparse_vector_counts_as_none() -> None:
    given = [v.item("a", [1, 0], {"splade": "no"}), v.item("b", [0, 1], {"splade": {"indices": [1], "values": [2]}})]
    index = v.with_items(v.empty(2, text={"splade": SPARSE}), given)
    assert [match.id for match in by_sparse(index, {1: 1.0}).matches] == ["b"]


def fused(held: SparseIndex, query: Sparse, fusion: Fusion) -> dict[str, float]:
    """Return the score of each row by the formula, with weights 1."""
    matrix = np.array([row[2] for row in held.rows.values()])
    near = dict(zip(held.rows, distances(matrix, None, TARGET, "cosine").tolist(), strict=True))
    lists = (sorted(near, key=lambda i: (near[i], i)), ranked(held.products(query)))
    scores = dict[str, float]()
    for listed, weight in zip(lists, (fusion.vector_weight, fusion.sparse_weight), strict=True):
        for rank, vector_id in enumerate(listed[: fusion.candidates], 1):
            scores[vector_id] = scores.get(vector_id, 0.0) + weight / (fusion.rank_constant + rank)
    return scores


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("fusion", [Fusion(candidates=20), Fusion(9.0, 7, 0.5, sparse_weight=2.0)])
def test_a_hybrid_search_joins_ranks(held: SparseIndex, query: Sparse, fusion: Fusion) -> None:
    answer = hybrid.search(held.packed.index, Query(14, (TARGET,), sparse=search_for(query), fusion=fusion))
    scores = fused(held, query, fusion)
    expected = sorted(scores, key=lambda i: (-scores[i], i))[:14]
    assert [match.id for match in answer.matches] == expected
    for match in answer.matches:
        assert (match.score, match.relevance) == (scores[match.id], product(held.rows[match.id][0], query))


def test_pages_of_a_hybrid_search_repeat_no_match(held: SparseIndex) -> None:
    query, found = Query(5, (TARGET,), sparse=search_for(QUERIES[2]), fusion=Fusion(candidates=20)), list[str]()
    while True:
        answer = hybrid.search(held.packed.index, query)
        found += [match.id for match in answer.matches]
        if not answer.more:
            break
        last = answer.matches[-1]
        query = structs.replace(query, after=(last.score or 0.0, last.id), seen=frozenset(map(key_of_seen, found)))
    scores = fused(held, QUERIES[2], query.fusion)
    assert found == sorted(scores, key=lambda i: (-scores[i], i))


def test_an_explanation_of_a_hybrid_match_has_its_ranks(held: SparseIndex) -> None:
    query = Query(40, (TARGET,), sparse=search_for(QUERIES[2]), fusion=Fusion(candidates=20), explain=True)
    ranks = [match.explanation for match in hybrid.search(held.packed.index, query).matches]
    assert sorted(rank.sparse_rank for rank in ranks if rank and rank.sparse_rank) == [*range(1, 21)]
    assert {rank.terms for rank in ranks if rank} == {()}


@pytest.mark.parametrize("query", QUERIES)
def test_an_explanation_has_what_each_index_adds(held: SparseIndex, query: Sparse) -> None:
    for match in by_sparse(held.packed.index, query, explain=True).matches:
        stored = held.rows[match.id][0]
        assert match.explanation is not None
        assert [tuple(msgspec.structs.astuple(share)) for share in match.explanation.indices] == [
            (index, float(np.float32(stored[index])), product({index: stored[index]}, query))
            for index in sorted(stored.keys() & query.keys())
        ]
        assert match.relevance == sum(share.share for share in match.explanation.indices)


def test_a_hybrid_match_that_shares_no_index_has_no_shares(held: SparseIndex) -> None:
    query = Query(40, (TARGET,), sparse=search_for(QUERIES[2]), fusion=Fusion(candidates=20), explain=True)
    found = hybrid.search(held.packed.index, query).matches
    for match in found:
        assert match.explanation is not None
        assert match.relevance == sum(share.share for share in match.explanation.indices)
    assert {bool(match.explanation and match.explanation.indices) for match in found} == {True, False}


def test_a_filter_that_looks_into_sparse_vectors_reads_documents(held: SparseIndex) -> None:
    assert held.packed.index.base is not None
    columns = held.packed.index.base.columns
    assert columns is not None
    stored = columns.buffer.tobytes()
    assert (b"splade" in stored, b"splade.indices" in stored, b"of.second.values" in stored) == (True, False, False)
    found = matching_rows(held.packed.index, In("splade.indices", (255,)))
    assert found.count == sum(255 in row[0] for row in held.rows.values())
    assert matching_rows(held.packed.index, Exists("of.second")).count == sum(
        bool(row[1]) for row in held.rows.values()
    )


@pytest.mark.slow
def test_a_compaction_carries_sparse_vectors_of_later_changes_over(held: SparseIndex) -> None:
    rebuilt, later = rebuild.rebuild(held.packed.index, "build", PACKED), held.packed.branch()
    new: dict[str, Row] = {"late": ({7: 4.0}, {}, TARGET), "r001": ({0: -3.25}, {}, TARGET)}
    later.commit(mutations.remove(mutations.upsert(later.index, items(new))[0], ["r002"])[0], rebuild=False)
    assert rebuilt is not None
    index = rebuild.apply(rebuilt, later.index)
    assert index is not None
    encoded = encode.encode(index, "t", "apply", thresholds=PACKED, rebuild=False)
    opened = decode.open_blob(stored_object(encoded, b"".join(rebuilt.parts(1 << 20))))
    rows = {i: row for i, row in {**held.rows, **new}.items() if i != "r002"}
    expected = {i: product(row[0], QUERIES[2]) for i, row in rows.items() if row[0].keys() & QUERIES[2].keys()}
    assert opened.base is not None
    assert len(opened.tail) == len(new)
    assert_exact(by_sparse(opened, QUERIES[2]), expected)
