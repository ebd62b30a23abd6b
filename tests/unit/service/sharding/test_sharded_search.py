"""A search or a lookup of a sharded index returns the answer of a single-object index, or names the failing shard."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import datasets
from tests.support.search_pages import pages
from tests.support.services import FOREVER, a_query, vector
from tests.support.shards import IDS, HookedStore, a_service, object_names, search_ids
from vectord.errors import BlobCorrupt, RequestInvalid, StorageSilent, StoreUnavailable, VectorNotFound
from vectord.index.kernels.distance import distances
from vectord.index.query.query import Query, Result
from vectord.readers.entry import NewVector
from vectord.service.service import Service
from vectord.service.values.options import NewIndex
from vectord.service.values.selection import Selection
from vectord.storage.base import IfMatch

coordinates = st.integers(-3, 3).map(float)
points = st.lists(st.tuples(coordinates, coordinates).filter(any), max_size=40)


@given(
    rows=points,
    query=st.tuples(coordinates, coordinates).filter(any),
    k=st.integers(1, 45),
    shards=st.integers(2, 9),
    distance=st.sampled_from(["cosine", "euclidean"]),
)
@settings(max_examples=40)
@pytest.mark.slow
def test_an_exact_search_returns_the_answer_of_a_single_object_index(
    rows: list[tuple[float, float]], query: tuple[float, float], k: int, shards: int, distance: str
) -> None:
    service = a_service(HookedStore())
    answers = []
    for name, number in (("one", 1), ("many", shards)):
        service.create(NewIndex(name, 2, distance=distance, shards=number), FOREVER)
        if rows:
            service.add(name, [vector(f"v{i}", *row) for i, row in enumerate(rows)], FOREVER)
        answers.append(service.search(name, a_query(np.array(query), k, recall=1.0), FOREVER).answer)
    one, many = answers
    assert [(m.id, m.distance, m.vector.tolist()) for m in many.matches] == [
        (m.id, m.distance, m.vector.tolist()) for m in one.matches
    ]
    assert (many.count, many.strategy) == (one.count, one.strategy)


@pytest.mark.slow
def test_the_pages_of_an_approximate_search_are_all_rows() -> None:
    """Each shard has more rows than are scanned, so the first page may miss some."""
    service, dimension = a_service(HookedStore()), 4_096
    rows = datasets.decaying(2_100, dimension)
    rows[-100:] = rows[0]
    service.create(NewIndex("t", dimension, shards=2, m=1), FOREVER)
    service.add("t", [NewVector(f"{row:04}", vector) for row, vector in enumerate(rows)], FOREVER)
    answers = []

    def search(query: Query) -> Result:
        result = service.search("t", query, FOREVER)
        answers.append(result.answer)
        return result

    query = datasets.decaying(1, dimension, 2)[0]
    found = [page.matches for page in pages(search, {"vector": query.tolist(), "k": 150, "ef_search": 1})]
    assert (answers[0].complete, answers[1].complete) == (False, True)
    ids = [f"{row:04}" for row in range(2_100)]
    expected = sorted(zip(distances(rows, None, query, "cosine").tolist(), ids, strict=True))
    assert sorted((match.distance, match.id) for matches in found for match in matches) == expected
    assert [len(matches) for matches in found] == [150] * 14


def test_a_search_sees_every_acknowledged_change(filled: Service) -> None:
    filled.add("t", [vector("new", 0.0, 1.0)], FOREVER)
    assert search_ids(filled, 0.0, 1.0, k=1) == ["new"]
    filled.delete("t", Selection(["new"]), FOREVER)
    assert "new" not in search_ids(filled, 0.0, 1.0, k=20)


def test_a_warm_search_is_one_request_for_the_root_and_one_for_each_shard(store: HookedStore, filled: Service) -> None:
    filled.search("t", a_query(np.array([1.0, 0.0]), 1), FOREVER)
    store.calls.clear()
    searched = filled.search("t", a_query(np.array([1.0, 0.0]), 1), FOREVER)
    assert store.requests() == {"head": 4}
    assert (searched.requests, searched.read_bytes) == (3, 0)


def test_reads_in_threads_are_on_the_meter_of_the_request(filled: Service) -> None:
    filled.environment.meter.drain()
    filled.search("t", a_query(np.array([1.0, 0.0]), 1), FOREVER)
    assert filled.environment.meter.drain()["CacheHits"] == 4


def test_a_shard_without_a_reply_fails_the_search(store: HookedStore, filled: Service) -> None:
    store.fail("head", "/1", StoreUnavailable())
    with pytest.raises(StorageSilent):
        search_ids(filled, 1.0, 0.0)


def test_the_error_of_a_corrupt_shard_names_it(store: HookedStore, filled: Service) -> None:
    [name] = [name for name in object_names(store.inner) if name.endswith("/1")]
    store.inner.put(name, b"LHV2 and more", IfMatch(store.inner.etag(name)), "")
    with pytest.raises(BlobCorrupt, match=name):
        search_ids(filled, 1.0, 0.0)


@pytest.mark.parametrize("query", [(1.0,), (0.0, 0.0)])
def test_an_invalid_query_is_refused_without_a_request_to_a_shard(
    store: HookedStore, filled: Service, query: tuple[float, ...]
) -> None:
    store.calls.clear()
    with pytest.raises(RequestInvalid):
        search_ids(filled, *query)
    assert {name for _, name, *_ in store.calls} == {"t"}


# ---- lookup


def test_a_lookup_reads_one_shard(store: HookedStore, filled: Service) -> None:
    store.calls.clear()
    assert filled.lookup("t", IDS[3], FOREVER).vector.tolist() == [1.0, 3.0]
    assert store.requests() == {"head": 2}


def test_the_error_of_a_missing_vector_names_the_index(filled: Service) -> None:
    with pytest.raises(VectorNotFound, match="Index 't'"):
        filled.lookup("t", "absent", FOREVER)
