"""An eventual read may use a cached snapshot of a bounded age without a request to storage."""

import pytest

from tests.support import compactions, services, shards
from tests.support.scripted_store import ScriptedStore, after, no_reply
from tests.support.services import FOREVER, Clock, a_query, vector
from vectord.errors import IndexNotFound, StorageSilent, VectorNotFound
from vectord.index.query.query import Result
from vectord.service.service import Service
from vectord.service.sharding.placement import shard_of
from vectord.service.values.options import NewIndex, ReadOptions
from vectord.storage.memory import MemoryStore

A, B = vector("a", 1, 0), vector("b", 0, 1)


@pytest.fixture
def store() -> ScriptedStore:
    store = ScriptedStore()
    setup = services.a_service(store.inner, clock=Clock(ids="setup"))
    setup.create(NewIndex("t", 2), FOREVER)
    setup.add("t", [A], FOREVER)
    return store


@pytest.fixture
def clock() -> Clock:
    return Clock(ids="ours")


@pytest.fixture
def service(store: ScriptedStore, clock: Clock) -> Service:
    return services.a_service(store, clock=clock)


@pytest.fixture
def other(store: ScriptedStore) -> Service:
    return services.a_service(store.inner, clock=Clock(ids="other"))


def search(service: Service, staleness: float | None, name: str = "t") -> Result:
    return service.search(name, a_query(A.vector, 10), FOREVER, ReadOptions(staleness=staleness))


def test_a_snapshot_within_the_allowed_age_is_used_without_a_request(
    store: ScriptedStore, service: Service, clock: Clock
) -> None:
    before = search(service, None)
    requests = store.count("head")
    clock.now += 10
    eventual = search(service, 10.0)
    assert (eventual.etag, eventual.requests, store.count("head")) == (before.etag, 0, requests)
    assert service.lookup("t", "a", FOREVER, ReadOptions(staleness=10.0)).etag == before.etag
    assert store.count("head") == requests


def test_a_snapshot_over_the_allowed_age_is_read_again(service: Service, other: Service, clock: Clock) -> None:
    search(service, None)
    now = other.add("t", [B], FOREVER).etag
    clock.now += 10.5
    assert search(service, 10.0).etag == now


def test_an_index_that_is_not_cached_is_read(store: ScriptedStore, service: Service) -> None:
    assert search(service, 3_600.0).etag == store.inner.etag("t")


def test_a_strong_read_sees_a_change_that_an_eventual_one_may_miss(service: Service, other: Service) -> None:
    old = search(service, None).etag
    now = other.add("t", [B], FOREVER).etag
    assert search(service, 60.0).etag == old
    assert search(service, None).etag == now
    assert search(service, 60.0).etag == now


def test_an_answer_304_renews_the_age_of_a_snapshot(service: Service, store: ScriptedStore, clock: Clock) -> None:
    search(service, None)
    clock.now += 100
    search(service, None)
    clock.now += 5
    requests = store.count("head")
    search(service, 10.0)
    assert store.count("head") == requests


def test_the_age_of_a_snapshot_counts_from_its_request_and_not_its_answer(
    service: Service, store: ScriptedStore, clock: Clock
) -> None:
    def slowly() -> None:
        clock.now += 8

    for _ in range(2):  # with a new snapshot, and with one that did not change
        store.on("head", after(slowly))
        search(service, None)
        clock.now += 4
        requests = store.count("head")
        search(service, 10.0)
        assert store.count("head") == requests + 1


def test_the_age_of_a_committed_snapshot_counts_from_the_request_of_its_write(
    service: Service, store: ScriptedStore, clock: Clock
) -> None:
    def slowly() -> None:
        clock.now += 8

    store.on("put", after(slowly))
    service.add("t", [B], FOREVER)
    clock.now += 4
    requests = store.count("head")
    search(service, 10.0)
    assert store.count("head") == requests + 1


def test_a_deleted_index_is_answered_only_within_the_allowed_age(
    service: Service, other: Service, clock: Clock
) -> None:
    search(service, None)
    other.delete_index("t", FOREVER)
    assert search(service, 10.0).answer.count == 1
    clock.now += 11
    with pytest.raises(IndexNotFound):
        search(service, 10.0)
    with pytest.raises(IndexNotFound):
        search(service, 3_600.0)


def test_an_eventual_read_works_while_storage_does_not_answer(service: Service, store: ScriptedStore) -> None:
    search(service, None)
    store.always("head", no_reply)
    assert search(service, 10.0).answer.count == 1
    with pytest.raises(StorageSilent):
        search(service, None)


@pytest.mark.slow
def test_a_stale_snapshot_whose_bytes_are_neither_cached_nor_stored_gives_way_to_the_present_one() -> None:
    store = MemoryStore(least_part=1)
    writer, reader = compactions.a_writer(store, "writer"), compactions.a_writer(store, "reader")
    writer.create(NewIndex("t", compactions.DIMENSION), FOREVER)
    writer.add("t", compactions.vectors(*map(str, range(900))), FOREVER)
    old = reader.lookup("t", "0", FOREVER).etag
    now = writer.add("t", compactions.vectors("899", seed=1), FOREVER).etag
    assert reader.lookup("t", "0", FOREVER, ReadOptions(staleness=3_600.0)).etag == old
    found = [reader.lookup("t", str(row), FOREVER, ReadOptions(staleness=3_600.0)).etag for row in range(899, 0, -1)]
    assert now in found
    assert set(found) <= {old, now}


def test_a_sharded_index_is_read_without_requests_too() -> None:
    store = shards.HookedStore()
    service = shards.a_service(store)
    service.create(NewIndex("many", 2, shards=3), FOREVER)
    service.add("many", [A, B], FOREVER)
    before = search(service, None, "many")
    requests = store.count("head")
    assert search(service, 3_600.0, "many").etag == before.etag
    assert service.lookup("many", "a", FOREVER, ReadOptions(staleness=3_600.0)).vector.tolist() == [1, 0]
    assert store.count("head") == requests


def test_a_recreated_sharded_index_is_found_if_its_shard_is_not_cached() -> None:
    store = shards.HookedStore()
    service, other = shards.a_service(store), shards.a_service(store)
    service.create(NewIndex("many", 2, shards=3), FOREVER)
    far = next(vector(name, 0, 1) for name in "bcdefgh" if shard_of(name, 3) != shard_of("a", 3))
    reader = shards.a_service(store)
    with pytest.raises(VectorNotFound):
        reader.lookup("many", "a", FOREVER)
    other.delete_index("many", FOREVER)
    other.create(NewIndex("many", 2, shards=3), FOREVER)
    other.add("many", [far], FOREVER)
    assert reader.lookup("many", far.id, FOREVER, ReadOptions(staleness=3_600.0)).id == far.id
