"""The options of a search: filtered rows, excluded ids, a cursor, a largest distance, many query vectors."""

import numpy as np
import pytest
from msgspec import structs

from tests.support import datasets
from tests.support import vectors as v
from tests.support.sections import PACKED, PackedIndex, cold
from tests.support.vectors import F32
from vectord.index import mutations
from vectord.index.codec import decode
from vectord.index.query import search
from vectord.index.query.query import Answer, Query
from vectord.index.query.search import search_many
from vectord.index.rows import Item, RowMask
from vectord.index.sections.graph import exact_scan_is_cheap
from vectord.index.state import Index

# More rows than are scanned: the planner chooses partitions or forest.
ROWS, TAIL, DIMENSION = 4_400, 300, 168

pytestmark = pytest.mark.usefixtures("early_strategies")


def _data(rows: int, seed: int) -> F32:
    return datasets.decaying(rows, DIMENSION, seed)


@pytest.fixture(scope="module", params=["cosine", pytest.param("euclidean", marks=pytest.mark.slow)])
def packed(request: pytest.FixtureRequest, early_strategies: None) -> PackedIndex:
    """A packed index without a tail and without removed rows."""
    assert not exact_scan_is_cheap(ROWS, DIMENSION)
    items = [Item(f"{row:05}", vector) for row, vector in enumerate(_data(ROWS, 1))]
    return PackedIndex(mutations.upsert(v.empty(DIMENSION, request.param, m=4), items)[0], PACKED)


@pytest.fixture(scope="module")
def blob(packed: PackedIndex) -> bytes:
    return packed.blob


@pytest.fixture(scope="module")
def index(packed: PackedIndex) -> Index:
    """The same rows with a tail, and with removed rows in both."""
    changed = packed.branch()
    changed.add(*(Item(f"t{row:03}", vector) for row, vector in enumerate(_data(TAIL, 2))))
    changed.remove("00007", "t007")
    return changed.index


def _some(index: Index, share: float, seed: int = 5) -> RowMask:
    """Return a random mask of about this share of the live rows."""
    rng = np.random.default_rng(seed)
    base, tail = rng.random(index.base_rows) < share, rng.random(len(index.tail)) < share
    return RowMask(base & index.live.base, tail & index.live.tail, filtered=True)


def _one(index: Index, vector: F32, query: Query, mask: RowMask | None = None) -> Answer:
    return search_many(index, structs.replace(query, vectors=(vector,)), mask)[0]


def _ids_of(index: Index, mask: RowMask) -> set[str]:
    return set(index.ids_of(mask.rows.tolist()))


def _recall(index: Index, mask: RowMask, queries: F32, k: int = 10, warm: Index | None = None) -> float:
    """Return the share of the true `k` nearest rows of the mask that a search finds."""
    rows, allowed, hits = (warm or index).rows, _ids_of(warm or index, mask), 0.0
    positions = np.array([row for row, vector_id in enumerate(rows.ids) if vector_id in allowed])
    oracle = v.Oracle(rows.vectors[positions], index.params.distance)
    for query in queries:
        true = {rows.ids[row] for row in positions[np.argsort(oracle.distances(query))[:k]]}
        found = v.ids(_one(index, query, Query(k), mask))
        assert set(found) <= allowed
        assert len(found) == min(k, len(allowed))
        hits += len(true & set(found)) / len(true)
    return hits / len(queries)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01, 0.001])
@pytest.mark.slow
def test_a_filtered_search_reaches_its_recall(index: Index, share: float) -> None:
    assert _recall(index, _some(index, share), _data(20, 9)) >= 0.95


@pytest.mark.slow
def test_a_search_filtered_to_rows_far_from_the_query_reaches_its_recall(index: Index) -> None:
    """Rows of one side, searched from the other side, where codes tell rows apart least."""
    assert index.base
    side = index.base.graph.vectors[:, 0]
    base = side > np.quantile(side, 0.8)
    mask = RowMask(base & index.live.base, np.zeros(len(index.tail), bool), filtered=True)
    queries = _data(200, 10)
    assert _recall(index, mask, queries[np.argsort(queries[:, 0])[:20]]) >= 0.95


@pytest.mark.slow
def test_a_filter_that_hides_the_clusters_around_the_query_reaches_its_recall() -> None:
    rng = np.random.default_rng(3)
    centers = rng.standard_normal((40, 160)).astype(np.float32)
    noise = rng.standard_normal((20_000, 160)).astype(np.float32) / 2
    rows = centers[rng.integers(0, 40, 20_000)] + noise
    index = decode.open_blob(v.blob_of_matrix(rows, "cosine", thresholds=PACKED, m=2))
    assert index.base
    shown = np.argmax(index.base.graph.vectors @ centers.T, axis=1) < 38
    mask = RowMask(shown, np.zeros(0, bool), filtered=True)
    assert _recall(index, mask, np.repeat(centers[38:], 10, axis=0) + noise[:20]) >= 0.95


@pytest.mark.parametrize("share", [0.5, 0.002])
@pytest.mark.slow
def test_a_filtered_search_by_ranges_reaches_its_recall(blob: bytes, share: float) -> None:
    by_ranges, _ = cold(blob)
    assert _recall(by_ranges, _some(by_ranges, share), _data(5, 9), warm=decode.open_blob(blob)) >= 0.95


@pytest.mark.slow
def test_a_few_rows_are_read_without_codes(blob: bytes) -> None:
    by_ranges, fetch = cold(blob)
    few = RowMask(np.arange(by_ranges.base_rows) % 1_000 == 3, np.zeros(0, bool), filtered=True)
    assert by_ranges.base
    assert by_ranges.base.parts
    answer = _one(by_ranges, _data(1, 9)[0], Query(2), few)
    assert (answer.strategy, answer.plan, answer.examined, answer.eligible) == ("exact", "ranges", 5, 5)
    assert fetch.bytes < by_ranges.base.parts.section.size


@pytest.mark.slow
def test_all_of_a_few_eligible_rows_are_found(index: Index) -> None:
    mask = _some(index, 0.0003)
    answer = _one(index, _data(1, 9)[0], Query(10_000), mask)
    assert set(v.ids(answer)) == _ids_of(index, mask)
    assert answer.eligible == len(answer.matches)


@pytest.mark.slow
def test_a_search_without_eligible_rows_finds_and_reads_nothing(blob: bytes) -> None:
    by_ranges, fetch = cold(blob)
    nothing = RowMask(np.zeros(by_ranges.base_rows, bool), np.zeros(0, bool), filtered=True)
    assert _one(by_ranges, _data(1, 9)[0], Query(10), nothing).matches == []
    assert fetch.rounds == []


def test_ef_search_fetches_a_cold_index_whole_and_searches_its_forest(blob: bytes) -> None:
    unread, fetch = cold(blob)
    query = _data(1, 9)[0]
    answer = _one(unread, query, Query(10, ef_search=40))
    assert (answer.strategy, answer.plan, len(fetch.rounds)) == ("forest", "whole", 1)
    assert v.pairs(answer) == v.pairs(_one(decode.open_blob(blob), query, Query(10, ef_search=40)))


def test_an_ef_search_that_would_cost_far_more_than_a_scan_scans(index: Index) -> None:
    query = _data(1, 9)[0]
    answer = _one(index, query, Query(10, ef_search=1_000_000))
    assert answer.strategy == "exact"
    assert v.pairs(answer) == v.pairs(search.search(index, query, 10, 1.0))


def test_excluded_ids_are_not_in_the_answer(index: Index) -> None:
    for vector_id in ("00123", "t123"):
        vector = index.vectors_of(list(index.find([vector_id]).values()))[0]
        every_id = v.ids(search.search(index, vector, 11, 1.0))
        others = v.ids(_one(index, vector, Query(10, recall=1.0, exclude=(vector_id,))))
        assert every_id[0] == vector_id
        assert others == every_id[1:]


def test_excluding_an_unknown_id_changes_nothing(index: Index) -> None:
    query = _data(1, 9)[0]
    assert v.pairs(_one(index, query, Query(10, exclude=("unknown",)))) == v.pairs(search.search(index, query, 10))


def test_a_page_behind_the_last_match_is_empty(index: Index) -> None:
    answer = _one(index, _data(1, 9)[0], Query(5, after=(9e9, "")))
    assert (answer.matches, answer.more) == ([], False)


def test_matches_end_at_the_largest_distance(index: Index) -> None:
    query = _data(1, 9)[0]
    everything = v.pairs(search.search(index, query, 20, 1.0))
    limit = everything[6][1]
    assert v.pairs(_one(index, query, Query(20, recall=1.0, max_distance=limit))) == everything[:7]


@pytest.mark.parametrize("recall", [0.95, 1.0])
def test_many_queries_are_answered_as_each_alone(index: Index, recall: float) -> None:
    queries = list(_data(40, 9))
    query, mask = Query(10, tuple(queries), recall=recall), _some(index, 0.6)
    together = search_many(index, query, mask)
    alone = [_one(index, vector, query, mask) for vector in queries]
    assert [v.pairs(answer) for answer in together] == [v.pairs(answer) for answer in alone]


def test_many_queries_read_their_documents_in_one_round(blob: bytes) -> None:
    rounds = []
    for queries in (_data(1, 9), _data(4, 9)):
        by_ranges, fetch = cold(blob)
        assert {answer.plan for answer in search_many(by_ranges, Query(10, tuple(queries)))} == {"ranges"}
        rounds.append(len(fetch.rounds))
    assert rounds[0] == rounds[1]


def test_many_queries_of_any_magnitude_are_answered() -> None:
    index = v.of_matrix(np.array([[1.0, 0.0], [0.0, 3e38], [1e-40, 1e-40]]), "euclidean")
    answers = search_many(index, Query(1, (v.f32([0, 3e38]), v.f32([1, 0]))))
    assert [v.pairs(answer) for answer in answers] == [[("1", 0.0)], [("0", 0.0)]]
