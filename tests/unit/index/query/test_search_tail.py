"""A search of an index in use: the tail is searched by its codes, beside the base and without one."""

from collections.abc import Iterator
from functools import cache
from itertools import count

import msgspec
import numpy as np
import pytest

from tests.support import datasets
from tests.support import vectors as v
from tests.support.sections import PACKED, PackedIndex, RecordingFetch, cold
from tests.support.vectors import F32
from vectord.filters.parse import parse
from vectord.filters.tree import Filter
from vectord.index import mutations
from vectord.index.query import filtering, rounds, search, tail_candidates, tail_codes
from vectord.index.query.query import Answer, Query
from vectord.index.rows import Item
from vectord.index.state import Index
from vectord.lhv1.params import Distance

pytestmark = pytest.mark.slow  # large inputs

DIMENSION = 192
BASE_ROWS, TAIL_ROWS = 4_000, 1_000
QUERIES = 60
PIECES = 3

both = pytest.mark.parametrize("distance", ["cosine", pytest.param("euclidean", marks=pytest.mark.slow)])
of_any_distribution = pytest.mark.parametrize("kind", ["same", "other", "near"])
_names = count()


@pytest.fixture(scope="module", autouse=True)
def early_codes(early_strategies: None) -> Iterator[None]:
    """Search small tails by their codes as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail_codes, "_MIN_COMPONENTS", 1)
        patch.setattr(rounds, "_LEAST_COMPONENTS", 1)
        patch.setattr(tail_codes, "_MIN_ROWS_PER_MATCH", 1)
        patch.setattr(tail_candidates, "_SCAN_SHARE", 2)
        patch.setattr(rounds, "_SMALL", 1)
        yield


def drawn(kind: str, rows: int, seed: int) -> F32:
    """Draw rows like those of the base, or others: a few round clusters, or rows that all are near to each other."""
    draw = {
        "same": datasets.textlike(DIMENSION),
        "other": datasets.mixture(DIMENSION, 5, 0.3),
        "near": datasets.mixture(DIMENSION, 1, 0.05, separation=0.2),
    }[kind]
    return draw(np.random.default_rng(seed), rows)


def items_of(vectors: F32, prefix: str) -> list[Item]:
    return [
        Item(f"{prefix}{row}", vector, msgspec.Raw(b'{"even":%s}' % (b"true" if row % 2 == 0 else b"false")))
        for row, vector in enumerate(vectors)
    ]


@cache
def built(distance: Distance) -> PackedIndex:
    return PackedIndex(
        mutations.upsert(v.empty(DIMENSION, distance, m=4), items_of(drawn("same", BASE_ROWS, 1), "base-"))[0], PACKED
    )


@cache
def in_use(kind: str, distance: Distance) -> PackedIndex:
    """Return an index with a base and pieces, some rows of which were removed or replaced."""
    index = built(distance).branch()
    for part in np.array_split(drawn(kind, TAIL_ROWS, 2), PIECES):
        index.add(*items_of(part, f"{next(_names)}-"))
    tail = v.tail_ids(index.index)
    index.remove(*tail[::10], *(f"base-{row}" for row in range(0, BASE_ROWS, 40)))
    index.add(*(Item(each, vector) for each, vector in zip(tail[1::50], drawn(kind, 20, 3), strict=True)))
    return index


@cache
def unbuilt(kind: str, distance: Distance, rows: int = 2 * TAIL_ROWS) -> PackedIndex:
    """Return an index whose rows are all in pieces."""
    index = PackedIndex.__new__(PackedIndex)
    index.thresholds, index.blob, index.index = PACKED, b"", v.empty(DIMENSION, distance)
    for part in np.array_split(drawn(kind, rows, 2), PIECES):
        index.commit(mutations.upsert(index.index, items_of(part, f"{next(_names)}-"))[0], rebuild=False)
    index.commit(mutations.remove(index.index, v.tail_ids(index.index)[::10])[0], rebuild=False)
    assert index.index.base is None
    return index


def queries_of(kind: str) -> F32:
    """Return queries like the rows of the tail, and like those of the base."""
    return np.concatenate([drawn(kind, QUERIES // 2, 8), drawn("same", QUERIES // 2, 9)])


def ask(index: Index, query: F32, k: int = 10, recall: float = 0.95, where: Filter | None = None) -> Answer:
    matching = filtering.matching_rows(index, where) if where else None
    return search.search_many(index, Query(k, (query,), recall=recall), matching, read_ahead=False)[0]


def recall_of(
    index: PackedIndex, kind: str, recall: float, k: int = 10, *, by_ranges: bool, where: Filter | None = None
) -> float:
    """Return the measured recall of searches in memory, or of each the first of a function."""
    hits = 0
    for query in queries_of(kind):
        farthest = ask(index.index, query, k, 1.0, where).matches[-1].distance
        found = ask(cold(index.blob)[0] if by_ranges else index.index, query, k, recall, where)
        hits += sum(match.distance <= farthest for match in found.matches)
    return hits / (k * QUERIES)


@both
@of_any_distribution
@pytest.mark.parametrize("by_ranges", [False, True], ids=["in memory", "by ranges"])
def test_a_search_finds_what_was_asked_for(kind: str, distance: Distance, by_ranges: bool) -> None:
    assert recall_of(in_use(kind, distance), kind, 0.95, by_ranges=by_ranges) >= 0.94


@both
@of_any_distribution
@pytest.mark.parametrize("by_ranges", [False, True], ids=["in memory", "by ranges"])
def test_an_index_without_a_base_finds_what_was_asked_for(kind: str, distance: Distance, by_ranges: bool) -> None:
    index = unbuilt(kind, distance)
    assert ask(index.index, queries_of(kind)[0]).strategy == "codes"
    for recall in (0.9, 0.98):
        assert recall_of(index, kind, recall, by_ranges=by_ranges) >= recall


@of_any_distribution
@pytest.mark.parametrize("by_ranges", [False, True], ids=["in memory", "by ranges"])
def test_a_filtered_search_finds_what_was_asked_for(kind: str, by_ranges: bool) -> None:
    where = parse({"even": True})
    assert recall_of(in_use(kind, "cosine"), kind, 0.95, by_ranges=by_ranges, where=where) >= 0.94
    assert recall_of(unbuilt(kind, "cosine"), kind, 0.95, by_ranges=by_ranges, where=where) >= 0.94


@pytest.mark.parametrize("by_ranges", [False, True], ids=["in memory", "by ranges"])
def test_distances_are_exact_and_removed_rows_are_not_found(by_ranges: bool) -> None:
    index = in_use("same", "cosine")
    for query in queries_of("same")[:10]:
        every = {match.id: match for match in ask(index.index, query, 10_000, 1.0).matches}
        found = ask(cold(index.blob)[0] if by_ranges else index.index, query, 50)
        assert len({match.id for match in found.matches}) == 50
        for match in found.matches:
            assert match.distance == every[match.id].distance
            assert match.metadata == every[match.id].metadata
            assert match.vector is not None
            assert every[match.id].vector is not None
            assert match.vector.tobytes() == every[match.id].vector.tobytes()


def test_every_code_of_the_tail_is_examined_and_few_of_its_rows() -> None:
    index, query = in_use("same", "cosine"), queries_of("same")[0]
    without, with_tail = ask(built("cosine").index, query), ask(index.index, query)
    assert with_tail.entries == without.entries + len(index.index.tail)
    assert with_tail.examined < without.examined + len(index.index.tail) / 4


def cold_read(blob: bytes, query: F32) -> tuple[RecordingFetch, Answer]:
    index, fetch = cold(blob)
    return fetch, ask(index, query)


def test_a_cold_search_needs_no_more_rounds_than_without_a_tail_and_reads_few_of_its_vectors() -> None:
    index = in_use("same", "cosine")
    vectors = len(index.index.tail) * DIMENSION * 4
    for query in queries_of("same")[:5]:
        before, _ = cold_read(built("cosine").blob, query)
        after, answer = cold_read(index.blob, query)
        assert (answer.strategy, answer.plan) == ("partitions", "ranges")
        assert len(after.rounds) <= len(before.rounds)
        assert after.bytes < before.bytes + vectors / 2


def test_a_cold_search_without_a_base_reads_codes_and_then_few_rows() -> None:
    index = unbuilt("same", "cosine", 9_000)
    for query in queries_of("same")[:5]:
        fetch, answer = cold_read(index.blob, query)
        assert (answer.strategy, answer.plan, len(fetch.rounds)) == ("codes", "ranges", 2)
        assert fetch.bytes < len(index.blob) / 2


def test_many_queries_share_their_rounds() -> None:
    index, fetch = cold(in_use("same", "cosine").blob)
    answers = search.search_many(index, Query(10, tuple(queries_of("same"))), read_ahead=False)
    assert len(answers) == QUERIES
    assert len(fetch.rounds) <= 3


def test_a_search_reads_ahead_until_nothing_of_the_tail_is_missing() -> None:
    index, _ = cold(in_use("same", "cosine").blob, capacity=1 << 40)
    for query in queries_of("same")[:20]:
        search.search(index, query, 10)
    assert all(section.whole for section, _ in index.tail.needed)
    assert index.base is not None
    assert index.base.graph.section.whole


def test_an_exact_search_scans_the_tail() -> None:
    for index in (in_use("same", "cosine"), unbuilt("same", "cosine")):
        answer = ask(index.index, queries_of("same")[0], recall=1.0)
        assert (answer.strategy, answer.entries) == ("exact", 0)
