"""An index is in a vector bucket only if it was created there, and stays there through every change of it."""

import pytest
from msgspec import structs

from tests.support import services
from tests.support.scripted_store import ScriptedStore, after
from tests.support.services import FOREVER, Clock, vector
from vectord.errors import IndexNotFound
from vectord.index import state
from vectord.index.codec import encode
from vectord.index.thresholds import Thresholds
from vectord.lhv1.bucket_index import BucketIndex
from vectord.lhv1.params import new_params
from vectord.service.maintenance.compaction import Compaction
from vectord.service.membership import in_bucket
from vectord.service.service import Service
from vectord.service.single.index import SingleIndex
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import STRONG, UNCONDITIONAL, NewIndex
from vectord.service.values.selection import EVERYTHING, Selection
from vectord.storage.base import IfAbsent

STORED = BucketIndex(1_790_000_000, ("text",), {"project": "films"}, "CLASSIC")
SIZES = Thresholds(packed=1, tail_rows=2, part=0)
NAME = "films_all"


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore(least_part=0)


@pytest.fixture
def service(store: ScriptedStore) -> Service:
    create_in_bucket(store)
    return services.a_service(store, clock=Clock(ids="ours"), sizes=SIZES)


def create_in_bucket(store: ScriptedStore, name: str = NAME) -> None:
    empty = structs.replace(state.empty_index(new_params(name, 2)), bucket_index=STORED)
    store.inner.put(name, encode.encode(empty, name, f"creation-of-{name}").blob, IfAbsent(), "")


def stored(service: Service, name: str = NAME) -> BucketIndex | None:
    return service.run(name, FOREVER, STRONG, in_bucket(lambda single: single.index.bucket_index))


def add(service: Service, number: int) -> None:
    service.add(NAME, [vector(f"id-{number}-{i}", number + 1, i) for i in range(3)], FOREVER)


def test_a_use_gets_rows_and_what_the_bucket_stores_from_one_state(service: Service) -> None:
    def use(single: SingleIndex) -> tuple[BucketIndex | None, int]:
        return single.index.bucket_index, len(single.get(["a"], EVERYTHING).missing)

    assert service.run(NAME, FOREVER, STRONG, in_bucket(use)) == (STORED, 1)


def test_a_native_index_is_in_no_bucket(service: Service) -> None:
    service.create(NewIndex("films_other", 2), FOREVER)
    with pytest.raises(IndexNotFound):
        stored(service, "films_other")


def test_an_index_with_shards_is_in_no_bucket(service: Service) -> None:
    service.create(NewIndex("films_other", 2, shards=2), FOREVER)
    with pytest.raises(IndexNotFound):
        stored(service, "films_other")


def test_commits_builds_and_a_compaction_keep_it(service: Service, store: ScriptedStore) -> None:
    for number in range(3):
        add(service, number)
        assert stored(service) == STORED
    service.delete(NAME, Selection(["id-0-0"]), FOREVER)
    compactor = Compaction(
        store,
        services.new_section_cache(),
        environment=Clock(ids="compaction").environment(),
        retry_policy=RetryPolicy(),
        thresholds=structs.replace(SIZES, tail_rows=0, removed_share=1_000),
        part_bytes=1,
    )
    assert compactor.compact(NAME, "holder", FOREVER).outcome == "compacted"
    assert stored(service) == STORED
    service.delete(NAME, Selection(None), FOREVER)
    assert stored(service) == STORED


def test_a_restored_index_keeps_its_present_one(service: Service, store: ScriptedStore) -> None:
    etag = store.inner.etag(NAME)
    service.delete_index(NAME, FOREVER)
    service.create(NewIndex(NAME, 2), FOREVER)
    service.lifecycle.history.restore(NAME, etag, FOREVER)
    with pytest.raises(IndexNotFound):
        stored(service)


def test_an_index_restored_after_its_deletion_is_in_its_bucket_again(service: Service, store: ScriptedStore) -> None:
    etag = store.inner.etag(NAME)
    service.delete_index(NAME, FOREVER)
    service.lifecycle.history.restore(NAME, etag, FOREVER)
    assert stored(service) == STORED


@pytest.mark.parametrize("rows", [0, 1])
def test_a_copy_is_a_native_index(service: Service, rows: int) -> None:
    for number in range(rows):
        add(service, number)
    service.lifecycle.history.copy(NAME, "films_copy", FOREVER)
    with pytest.raises(IndexNotFound):
        stored(service, "films_copy")
    assert stored(service) == STORED


def test_a_change_is_not_applied_to_a_native_index_that_replaced_the_one_of_the_bucket(
    service: Service, store: ScriptedStore
) -> None:
    other = services.a_service(store.inner, clock=Clock(ids="other"))

    def replace() -> None:
        other.delete_index(NAME, FOREVER)
        other.create(NewIndex(NAME, 2), FOREVER)

    store.on("put", after(replace))
    with pytest.raises(IndexNotFound):
        service.run(NAME, FOREVER, STRONG, in_bucket(lambda single: single.add([vector("late", 1, 0)], UNCONDITIONAL)))
    assert other.describe(NAME, FOREVER).count == 0
