"""What a search reads: ranges while a large index is cold, more of it with each search, in the end nothing."""

from dataclasses import dataclass
from functools import cache
from itertools import count

import numpy as np
import pytest

from tests.support import services
from tests.support import vectors as v
from tests.support.scripted_store import ScriptedStore, after
from tests.support.sections import PACKED
from tests.support.services import FOREVER, Clock, a_query, vector
from tests.support.vectors import F32
from vectord.cache.section_cache import SectionCache
from vectord.index import mutations
from vectord.index.codec import encode
from vectord.index.query.query import Result
from vectord.index.rows import Item
from vectord.index.thresholds import Thresholds
from vectord.readers.entry import NewVector
from vectord.service.service import Service
from vectord.service.snapshots import cache as snapshots_cache
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import NewIndex
from vectord.service.values.selection import Selection
from vectord.storage.base import IfAbsent
from vectord.storage.memory import MemoryStore

pytestmark = pytest.mark.slow  # large inputs

DIMENSION = 384

_numbers = count()


def textlike(rows: int, seed: int, dimension: int = DIMENSION) -> F32:
    """Draw around 60 topics with decaying components, as embeddings of text do."""
    centres = np.random.default_rng(1).standard_normal((60, dimension))
    rng = np.random.default_rng(seed)
    weights = np.arange(1, dimension + 1) ** -0.6
    return ((2 * centres[rng.integers(0, 60, rows)] + rng.standard_normal((rows, dimension))) * weights).astype("<f4")


@cache
def blob(rows: int, dimension: int) -> bytes:
    items = [Item(f"{row}", vector) for row, vector in enumerate(textlike(rows, 2, dimension))]
    return encode.encode(mutations.upsert(v.empty(dimension, m=4), items)[0], "t", "c", thresholds=PACKED).blob


@dataclass
class Case:
    store: ScriptedStore
    size: int
    thresholds: Thresholds = PACKED

    def service(self, files: SectionCache | None = None) -> Service:
        """Return a function with nothing cached."""
        clock = Clock(ids=f"function-{next(_numbers)}")
        return Service(
            self.store,
            files or services.new_section_cache(),
            memory_bytes=1 << 20,
            environment=clock.environment(),
            retry_policy=RetryPolicy(max_attempts=3),
            thresholds=self.thresholds,
        )


def a_case(rows: int, dimension: int = DIMENSION) -> Case:
    store = ScriptedStore(least_part=1)
    store.inner.put("t", blob(rows, dimension), IfAbsent(), "c")
    return Case(store, len(blob(rows, dimension)))


@pytest.fixture
def large() -> Case:
    return a_case(14_000)


@pytest.fixture
def small() -> Case:
    return a_case(800, 64)


QUERIES = textlike(300, 3)


def search(service: Service, query: F32, k: int = 10, recall: float = 0.95) -> Result:
    return service.search("t", a_query(query, k, recall=recall), FOREVER)


def found(searched: Result) -> list[tuple[str, float]]:
    return v.pairs(searched.answer)


def test_a_small_index_is_read_whole_in_one_request(small: Case) -> None:
    service = small.service()
    first = search(service, QUERIES[0][:64])
    assert (first.answer.plan, first.read_bytes, first.requests) == ("whole", small.size, 1)
    assert small.store.count("read") == 0
    again = search(service, QUERIES[1][:64])
    assert (again.answer.plan, again.read_bytes, again.requests) == ("local", 0, 1)


def test_a_cold_search_reads_a_small_part_of_a_large_index(large: Case) -> None:
    for query in QUERIES[:5]:
        first = search(large.service(), query)
        assert (first.answer.plan, first.answer.strategy) == ("ranges", "partitions")
        assert first.read_bytes < large.size / 6


def test_searches_by_ranges_reach_the_promised_recall(large: Case) -> None:
    exact = large.service()
    hits = 0
    for query in QUERIES[:20]:
        truth = found(search(exact, query, recall=1.0))
        hits += sum(distance <= truth[-1][1] for _, distance in found(search(large.service(), query)))
    assert hits >= 0.95 * 10 * 20


def test_distances_by_ranges_equal_those_of_a_whole_index(large: Case) -> None:
    snapshots_cache = large.service()
    for query in QUERIES[:2]:
        cold = found(search(large.service(), query))
        every = dict(found(search(snapshots_cache, query, k=10_000, recall=1.0)))
        assert cold == [(vector_id, every[vector_id]) for vector_id, _ in cold]
        assert cold == sorted(cold, key=lambda pair: (pair[1], pair[0]))


def test_each_search_caches_more_until_nothing_is_read(large: Case) -> None:
    service = large.service()
    plans, read = [], []
    for query in QUERIES[:80]:
        searched = search(service, query)
        plans.append(searched.answer.plan)
        read.append(searched.read_bytes)
    assert (plans[0], plans[-1], read[-1]) == ("ranges", "local", 0)
    assert plans == sorted(plans, key=["ranges", "whole", "local"].index)
    assert sum(read) <= large.size + large.size // 10  # nothing is read twice


def test_no_search_reads_much_more_than_its_read_ahead(large: Case) -> None:
    service = large.service()
    search(service, QUERIES[0])
    while True:
        searched = search(service, QUERIES[1])
        if searched.answer.plan != "ranges":
            break
        assert searched.read_bytes <= (4 << 20) + (4 << 20)


def test_an_index_larger_than_the_cache_is_always_searched_by_ranges_within_the_budget(large: Case) -> None:
    files = services.new_section_cache(large.size // 4)
    service = large.service(files)
    for query in QUERIES[:60]:
        searched = search(service, query)
        assert searched.answer.plan == "ranges"
        assert files.used <= files.budget
        assert searched.read_bytes < large.size / 6


def test_an_index_that_does_not_fit_in_the_cache_is_searched_by_ranges_though_fetching_it_would_be_faster() -> None:
    medium = a_case(1_200)
    assert search(medium.service(), QUERIES[0]).answer.plan == "whole"
    files = services.new_section_cache(medium.size * 3 // 4)
    service = medium.service(files)
    assert [search(service, query).answer.plan for query in QUERIES[:3]] == ["ranges"] * 3
    assert files.used <= files.budget


def test_an_exact_search_fetches_the_whole_index(large: Case) -> None:
    searched = search(large.service(), QUERIES[0], recall=1.0)
    assert (searched.answer.plan, searched.answer.strategy) == ("whole", "exact")
    assert large.size * 0.99 <= searched.read_bytes <= large.size * 1.01


def test_a_lookup_reads_a_small_part_of_a_large_index(large: Case) -> None:
    service = large.service()
    stored = service.lookup("t", "11000", FOREVER)
    assert stored.vector.tobytes() == textlike(14_000, 2)[11_000].tobytes()
    assert service.environment.meter.value("ReadBytes") < large.size / 20


def test_an_add_to_a_large_index_reads_little_and_copies_the_rest(large: Case) -> None:
    service = large.service()
    service.add("t", [NewVector("new", QUERIES[0])], FOREVER)
    assert (large.store.count("splice"), large.store.count("put")) == (1, 0)
    assert service.environment.meter.value("ReadBytes") < large.size / 20


def test_after_a_commit_of_another_function_only_the_head_and_the_new_section_are_read(large: Case) -> None:
    service = large.service()
    search(service, QUERIES[0], recall=1.0)
    large.service().add("t", [NewVector("new", QUERIES[1])], FOREVER)
    searched = search(service, QUERIES[1], k=1)
    assert (found(searched), searched.answer.plan) == ([("new", 0.0)], "local")
    assert searched.read_bytes < 100_000


def test_a_functions_own_commit_is_searched_without_reading_it_back(large: Case) -> None:
    service = large.service()
    search(service, QUERIES[0], recall=1.0)
    service.add("t", [NewVector("new", QUERIES[1])], FOREVER)
    searched = search(service, QUERIES[1], k=1)
    assert (found(searched), searched.read_bytes) == ([("new", 0.0)], 0)


def test_an_object_that_changes_between_two_ranges_is_searched_in_its_new_state(
    large: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots_cache, "SEARCH_HEAD_BYTES", snapshots_cache.HEAD_BYTES)
    service = large.service()
    large.store.on(
        "read", after(lambda: None), after(lambda: large.service().add("t", [NewVector("new", QUERIES[7])], FOREVER))
    )
    large.store.calls.clear()
    searched = search(service, QUERIES[7], k=1)
    assert found(searched) == [("new", 0.0)]
    assert searched.etag == large.store.inner.etag("t")


def test_a_search_after_changes_needs_as_many_rounds_as_after_a_build(large: Case) -> None:
    """The changes put 5 MiB before the partitions; a copy of their head is among the first bytes."""
    large.thresholds = Thresholds(tail_rows=1 << 30)
    built = search(large.service(), QUERIES[5])
    writer = large.service()
    writer.add("t", [NewVector(f"new-{row}", vector) for row, vector in enumerate(QUERIES[200:230])], FOREVER)
    added = search(large.service(), QUERIES[5])
    writer.delete("t", Selection([found(built)[0][0]]), FOREVER)
    deleted = search(large.service(), QUERIES[5])
    assert [each.answer.plan for each in (built, added, deleted)] == ["ranges"] * 3
    assert built.rounds == added.rounds == deleted.rounds == 3
    assert len(large.store.inner.get("t").data) > large.size + (4 << 20)


def test_a_deleted_row_is_not_found_and_only_it_is_gone(large: Case) -> None:
    service = large.service()
    nearest = found(search(service, QUERIES[9], k=3))
    service.delete("t", Selection([nearest[0][0]]), FOREVER)
    cold = found(search(large.service(), QUERIES[9], k=2))
    assert cold == nearest[1:]
    assert service.describe("t", FOREVER).count == 13_999


def test_a_search_of_an_empty_index_reads_only_its_head() -> None:
    store = MemoryStore()
    service = services.a_service(store)
    service.create(NewIndex("t", 2), FOREVER)
    assert services.a_service(store).search("t", a_query(vector("", 1, 0).vector, 5), FOREVER).read_bytes == len(
        store.get("t").data
    )
