"""A warm function caches decoded snapshots and revalidates them by their ETags."""

import msgspec
import numpy as np
import pytest

from tests.support import services
from tests.support.scripted_store import ScriptedStore
from tests.support.sections import packed
from tests.support.services import FOREVER, Clock, a_query, vector
from tests.support.vectors import item
from vectord.lhv1 import frame
from vectord.service.snapshots.cache import SnapshotCache
from vectord.service.values.environment import Environment
from vectord.service.values.options import NewIndex
from vectord.storage.base import IfAbsent
from vectord.storage.memory import MemoryStore

PAGE = 4_096


def store_of(*names: str) -> ScriptedStore:
    store = ScriptedStore()
    for name in names:
        services.a_service(store.inner, clock=Clock(ids=name)).create(NewIndex(name, 2), FOREVER)
    return store


def store_of_many() -> ScriptedStore:
    """A store of an index of 0.3 MB."""
    store = store_of()
    service = services.a_service(store.inner)
    service.create(NewIndex("t", 100), FOREVER)
    service.add("t", [vector(str(number), *np.eye(100)[number % 100] * number) for number in range(1, 501)], FOREVER)
    return store


def test_a_second_read_is_conditional_on_the_etag_of_the_first() -> None:
    store = store_of("t")
    warm = SnapshotCache(store, services.new_section_cache(), 1 << 20, Environment())
    warm.read("t")
    warm.read("t")
    assert store.calls[-1] == ("head", "t", store.inner.etag("t"))
    assert store.requests() == {"head": 2}


def test_an_unchanged_index_is_not_decoded_again() -> None:
    warm = SnapshotCache(store_of("t"), services.new_section_cache(), 1 << 20, Environment())
    assert warm.read("t").index is warm.read("t").index


def test_a_changed_index_is_read_again() -> None:
    store = store_of("t")
    warm = SnapshotCache(store, services.new_section_cache(), 1 << 20, Environment())
    warm.read("t")
    services.a_service(store.inner, clock=Clock(ids="other")).add("t", [vector("a", 1, 0)], FOREVER)
    assert len(warm.read("t").index.rows) == 1


def test_a_committed_state_is_cached_without_a_read() -> None:
    store = store_of("t")
    service = services.a_service(store)
    etag = service.add("t", [vector("a", 1, 0)], FOREVER).etag
    service.describe("t", FOREVER)
    assert store.calls[-1] == ("head", "t", etag)


def test_over_its_budget_the_least_recently_used_index_is_evicted() -> None:
    store = store_of("a", "b", "c")
    size = store.inner.list("", 1, None).objects[0].size
    warm = SnapshotCache(store, services.new_section_cache(), 2 * size, Environment())
    for name in "abacba":
        warm.read(name)
    assert store.unconditional_reads() == {"a": 2, "b": 2, "c": 1}


def test_an_index_over_the_budget_is_cached_alone() -> None:
    store = store_of("a", "b")
    warm = SnapshotCache(store, services.new_section_cache(), 0, Environment())
    for name in "aba":
        warm.read(name)
    assert store.unconditional_reads() == {"a": 2, "b": 1}


@pytest.mark.slow
def test_a_full_section_cache_evicts_the_least_recently_read_files() -> None:
    store = store_of("a", "b", "c")
    for name in "abc":
        items = [vector(str(number), number, 1) for number in range(5_000)]
        services.a_service(store.inner, clock=Clock(ids=f"{name}-more")).add(name, items, FOREVER)
    sizes = [listed.size for listed in store.inner.list("", 3, None).objects]
    warm = SnapshotCache(store, services.new_section_cache(sum(sizes) * 5 // 6), 1 << 30, Environment())
    for name in "abaca":
        warm.read(name)
    assert store.unconditional_reads() == {"a": 1, "b": 1, "c": 1}


def test_an_index_larger_than_the_budget_is_cached_while_it_is_the_newest() -> None:
    warm = SnapshotCache(store_of("t"), services.new_section_cache(), 0, Environment())
    assert warm.read("t").index is warm.read("t").index


def test_an_evicted_index_is_requested_without_an_etag() -> None:
    store = store_of("t")
    warm = SnapshotCache(store, services.new_section_cache(), 1 << 20, Environment())
    warm.read("t")
    warm.forget("t")
    warm.read("t")
    assert store.calls[-1] == ("head", "t", "")


def test_a_small_index_is_read_in_one_request() -> None:
    store = store_of("t")
    services.a_service(store.inner, clock=Clock(ids="other")).add("t", [vector("a", 1, 0)], FOREVER)
    assert len(SnapshotCache(store, services.new_section_cache(), 1 << 20, Environment()).read("t").index.rows) == 1
    assert store.requests() == {"head": 1}


def test_a_search_reads_an_index_of_some_hundred_kilobytes_in_one_request() -> None:
    store = store_of_many()
    index = SnapshotCache(store, services.new_section_cache(), 1 << 20, Environment()).read("t", for_search=True).index
    assert len(index.rows) == 500
    assert store.requests() == {"head": 1}


def test_warming_an_index_of_some_hundred_kilobytes_is_one_request() -> None:
    store = store_of_many()
    warmed = services.a_service(store).warm("t", FOREVER)
    assert (warmed.requests, warmed.read_bytes) == (1, warmed.size)


def test_an_envelope_longer_than_the_first_request_is_read_to_its_end() -> None:
    store = store_of("t")
    entries = [vector(f"{number:05}" * 10, 1, number) for number in range(3_000)]
    services.a_service(store.inner, clock=Clock(ids="other")).add("t", entries, FOREVER)
    index = SnapshotCache(store, services.new_section_cache(), 1 << 20, Environment()).read("t").index
    assert len(index.rows) == 3_000


@pytest.mark.parametrize(("budget", "kept"), [(1 << 30, True), (200_000, False)], ids=["all fits", "too little room"])
def test_a_partly_read_section_is_cached_only_if_the_whole_index_fits(budget: int, kept: bool) -> None:
    store = store_of_many()
    environment = Environment()
    state = SnapshotCache(store, services.new_section_cache(budget), 1 << 20, environment).read("t")
    again = environment.meter.value("ReadBytes") - state.index.size
    assert (again < PAGE) is kept  # files are filled by whole pages


def test_equal_tails_without_an_id_are_each_read() -> None:
    here = packed([item("a", [1, 0, 0])])
    here.add(item("b", [0, 1, 0]))
    here.add(item("c", [0, 1, 0]))
    head, _ = frame.decode(here.blob)
    nameless = [msgspec.structs.replace(entry, id="") for entry in head.envelope.sections]
    envelope = msgspec.structs.replace(head.envelope, sections=nameless)
    store = MemoryStore()
    store.put("t", frame.encode_head(envelope) + here.blob[head.body_start :], IfAbsent(), "c")
    index = SnapshotCache(store, services.new_section_cache(), 1 << 20, Environment()).read("t").index
    assert {vector_id: index.rows.vectors[row].tolist() for vector_id, row in index.rows.row_of.items()} == {
        "a": [1, 0, 0],
        "b": [0, 1, 0],
        "c": [0, 1, 0],
    }


def test_a_read_is_metered_in_requests_bytes_and_milliseconds() -> None:
    clock, store = Clock(), store_of("t")
    clock.now = 40.0
    environment = clock.environment()
    warm = SnapshotCache(store, services.new_section_cache(), 1 << 20, environment)

    def slowly(real):
        clock.now += 0.25
        return real()

    store.always("head", slowly)
    size = store.inner.list("", 1, None).objects[0].size
    warm.read("t")
    assert environment.meter.drain() == {
        "ReadRequests": 1,
        "ReadRounds": 1,
        "ReadBytes": size,
        "ColdLoads": 1,
        "ColdLoadMilliseconds": 250,
    }
    warm.read("t")
    assert environment.meter.drain() == {"ReadRequests": 1, "ReadRounds": 1, "CacheHits": 1}


def test_a_meter_adds_up_and_starts_at_zero() -> None:
    clock = Clock()
    clock.now = 40.0
    environment = clock.environment()
    for seconds in (0.25, 0.5):
        with environment.timed("FetchMilliseconds"):
            clock.now += seconds
    assert [environment.meter.value(name) for name in ("FetchMilliseconds", "Commits")] == [750, 0]


def test_two_functions_over_one_store_return_the_same_answers() -> None:
    store = MemoryStore()
    first, second = (services.a_service(store, clock=Clock(ids=name)) for name in ("first", "second"))
    first.create(NewIndex("t", 2), FOREVER)
    first.add("t", [vector("a", 1, 0), vector("b", 0, 1)], FOREVER)
    query = vector("", 3, 1).vector
    left, right = (service.search("t", a_query(query, 2), FOREVER) for service in (first, second))
    assert [(match.id, match.distance) for match in left.answer.matches] == [
        (match.id, match.distance) for match in right.answer.matches
    ]
    assert left.etag == right.etag
