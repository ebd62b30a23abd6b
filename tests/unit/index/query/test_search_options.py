"""What a search may ask besides the nearest: some rows only, without some ids, from where on, how far, many at once."""

import numpy as np
import numpy.typing as npt
import pytest
from msgspec import structs

from tests.support import vectors as v
from tests.support.sections import PACKED, PackedIndex, RecordingFetch
from tests.support.vectors import F32
from vectord.index import mutations
from vectord.index.codec import decode, encode
from vectord.index.query import search
from vectord.index.query.query import Answer, Query
from vectord.index.query.search import search_many
from vectord.index.rows import Item, RowMask
from vectord.index.state import Index
from vectord.lhv1 import frame
from vectord.lhv1.params import Distance

Mask = npt.NDArray[np.bool_]

ROWS, TAIL, DIMENSION = 20_000, 300, 128


def _data(rows: int, seed: int) -> F32:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((rows, DIMENSION)) * np.arange(1, DIMENSION + 1) ** -0.5).astype(np.float32)


def _packed(distance: Distance) -> Index:
    items = [Item(f"{row:05}", vector) for row, vector in enumerate(_data(ROWS, 1))]
    here = PackedIndex(mutations.upsert(v.empty(DIMENSION, distance, m=4), items)[0], PACKED)
    here.add(*(Item(f"t{row:03}", vector) for row, vector in enumerate(_data(TAIL, 2))))
    here.remove("00007", "t007")
    return here.index


@pytest.fixture(scope="module", params=["cosine", "euclidean"])
def index(request: pytest.FixtureRequest) -> Index:
    """More rows than are scanned, a tail, and removed rows in both."""
    return _packed(request.param)


@pytest.fixture(scope="module")
def blob(index: Index) -> bytes:
    """The same rows, all of them in the graph."""
    return encode.encode(index, "t", "c", thresholds=PACKED, rebuild=True).blob


def _cold(blob: bytes) -> tuple[Index, RecordingFetch]:
    """Return an index as a function opens it that has no room for all of it."""
    head, sections = frame.decode(blob)
    fetch = RecordingFetch(capacity=1)
    return decode.open_head(head, lambda entry: fetch.section(bytes(sections[entry]), entry.name), fetch), fetch


def _chosen(index: Index, share: float, seed: int = 5) -> RowMask:
    rng = np.random.default_rng(seed)
    base, tail = rng.random(index.base_rows) < share, rng.random(len(index.tail)) < share
    base[index.live.hidden_base] = False
    tail[index.live.hidden_tail] = False
    return RowMask(base, tail, filtered=True)


def _one(index: Index, vector: F32, query: Query, among: RowMask | None = None) -> Answer:
    return search_many(index, structs.replace(query, vectors=(vector,)), among)[0]


def _ids_of(index: Index, chosen: RowMask) -> set[str]:
    assert index.base
    inside = {document.id for document in index.base.documents.read(np.flatnonzero(chosen.base).tolist(), index.fetch)}
    return inside | {index.tail.ids[row] for row in np.flatnonzero(chosen.tail)}


def _recall(index: Index, chosen: RowMask, queries: F32, k: int = 10, warm: Index | None = None) -> float:
    """Return the share of the true `k` nearest of the chosen rows that a search among them finds."""
    rows, allowed, hits = (warm or index).rows, _ids_of(warm or index, chosen), 0.0
    places = np.array([row for row, vector_id in enumerate(rows.ids) if vector_id in allowed])
    for query in queries:
        distances = v.true_distances(rows.vectors[places], query, index.params.distance)
        true = {rows.ids[row] for row in places[np.argsort(distances)[:k]]}
        found = v.ids(_one(index, query, Query(k), chosen))
        assert set(found) <= allowed
        assert len(found) == min(k, len(allowed))
        hits += len(true & set(found)) / len(true)
    return hits / len(queries)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01, 0.001])
def test_a_search_among_some_rows_keeps_its_recall(index: Index, share: float) -> None:
    assert _recall(index, _chosen(index, share), _data(20, 9)) >= 0.95


def test_a_search_among_rows_far_from_the_query_keeps_its_recall(index: Index) -> None:
    """The rows of one side, asked from the other, where bits tell rows apart least."""
    assert index.base
    side = index.base.graph.vectors[:, 0]
    base = side > np.quantile(side, 0.8)
    base[index.live.hidden_base] = False
    chosen = RowMask(base, np.zeros(len(index.tail), bool), filtered=True)
    queries = _data(200, 10)
    assert _recall(index, chosen, queries[np.argsort(queries[:, 0])[:20]]) >= 0.95


@pytest.mark.parametrize("share", [0.5, 0.002])
def test_a_search_by_ranges_among_some_rows_keeps_its_recall(blob: bytes, share: float) -> None:
    cold, _ = _cold(blob)
    assert _recall(cold, _chosen(cold, share), _data(5, 9), warm=decode.open_blob(blob)) >= 0.95


def test_a_few_rows_are_read_without_the_sketch(blob: bytes) -> None:
    cold, fetch = _cold(blob)
    few = RowMask(np.arange(cold.base_rows) % 5_000 == 3, np.zeros(0, bool), filtered=True)
    assert cold.base
    assert cold.base.sketch
    answer = _one(cold, _data(1, 9)[0], Query(2), few)
    assert (answer.strategy, answer.plan, answer.examined, answer.eligible) == ("exact", "ranges", 5, 5)
    assert fetch.bytes < cold.base.sketch.section.size


def test_all_of_few_chosen_rows_are_found(index: Index) -> None:
    chosen = _chosen(index, 0.0003)
    answer = _one(index, _data(1, 9)[0], Query(10_000), chosen)
    assert set(v.ids(answer)) == _ids_of(index, chosen)
    assert answer.eligible == len(answer.matches)


def test_where_nothing_is_chosen_nothing_is_found_nor_read(blob: bytes) -> None:
    cold, fetch = _cold(blob)
    nobody = RowMask(np.zeros(cold.base_rows, bool), np.zeros(0, bool), filtered=True)
    assert _one(cold, _data(1, 9)[0], Query(10), nobody).matches == []
    assert fetch.rounds == []


def test_a_stored_vector_leaves_itself_out(index: Index) -> None:
    for vector_id in ("00123", "t123"):
        vector = index.vectors_of(list(index.find([vector_id]).values()))[0]
        everybody = v.ids(search.search(index, vector, 11, 1.0))
        others = v.ids(_one(index, vector, Query(10, recall=1.0, exclude=(vector_id,))))
        assert everybody[0] == vector_id
        assert others == everybody[1:]


def test_an_id_that_is_not_there_leaves_nothing_out(index: Index) -> None:
    query = _data(1, 9)[0]
    assert v.pairs(_one(index, query, Query(10, exclude=("nobody",)))) == v.pairs(search.search(index, query, 10))


def test_pages_behind_each_other_are_the_whole_answer(index: Index) -> None:
    query = _data(1, 9)[0]
    whole = v.pairs(search.search(index, query, 50, 1.0))
    pages: list[tuple[str, float]] = []
    while len(pages) < 50:
        after = (pages[-1][1], pages[-1][0]) if pages else None
        pages += v.pairs(_one(index, query, Query(7, recall=1.0, after=after, depth=len(pages))))
    assert pages[:50] == whole


def test_pages_divide_ties_by_id() -> None:
    index = v.of_matrix(np.tile([[1.0, 2.0]], (12, 1)), "cosine")
    query, seen = v.f32([1, 2]), []
    for _ in range(4):
        after = (0.0, seen[-1]) if seen else None
        seen += v.ids(_one(index, query, Query(3, after=after, depth=len(seen))))
    assert seen == sorted(map(str, range(12)))


def test_a_page_behind_the_last_match_is_empty(index: Index) -> None:
    assert _one(index, _data(1, 9)[0], Query(5, after=(9e9, ""), depth=5)).matches == []


def test_matches_end_at_the_largest_distance(index: Index) -> None:
    query = _data(1, 9)[0]
    everything = v.pairs(search.search(index, query, 20, 1.0))
    limit = everything[6][1]
    assert v.pairs(_one(index, query, Query(20, recall=1.0, max_distance=limit))) == everything[:7]


@pytest.mark.parametrize("recall", [0.95, 1.0])
def test_many_queries_are_answered_as_each_by_itself(index: Index, recall: float) -> None:
    queries = list(_data(40, 9))
    query, among = Query(10, tuple(queries), recall=recall), _chosen(index, 0.6)
    together = search_many(index, query, among)
    alone = [_one(index, vector, query, among) for vector in queries]
    assert [v.pairs(answer) for answer in together] == [v.pairs(answer) for answer in alone]


def test_many_queries_read_their_documents_in_one_round(blob: bytes) -> None:
    rounds = []
    for queries in (_data(1, 9), _data(4, 9)):
        cold, fetch = _cold(blob)
        assert {answer.plan for answer in search_many(cold, Query(10, tuple(queries)))} == {"ranges"}
        rounds.append(len(fetch.rounds))
    assert rounds[0] == rounds[1]


def test_many_queries_of_any_magnitude_are_answered() -> None:
    index = v.of_matrix(np.array([[1.0, 0.0], [0.0, 3e38], [1e-40, 1e-40]]), "euclidean")
    answers = search_many(index, Query(1, (v.f32([0, 3e38]), v.f32([1, 0]))))
    assert [v.pairs(answer) for answer in answers] == [[("1", 0.0)], [("0", 0.0)]]
