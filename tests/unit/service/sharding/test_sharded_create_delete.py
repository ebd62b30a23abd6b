"""Shards are written before the root object and deleted after it; a failed creation leaves none."""

import pytest

from tests.support.services import FOREVER
from tests.support.shards import (
    ROWS,
    HookedStore,
    a_service,
    etags,
    object_names,
    search_ids,
    vector_count,
)
from vectord.errors import IndexExists, OutcomeUnknown, RequestInvalid, StorageSilent, StoreRefused, StoreUnavailable
from vectord.index.codec import decode
from vectord.lhv1.params import Embedding
from vectord.lhv1.text_fields import TextField
from vectord.service.service import Service
from vectord.service.values.options import NewIndex
from vectord.storage.base import StoredObject


@pytest.fixture
def service(store: HookedStore) -> Service:
    return a_service(store)


def test_one_shard_means_a_single_object_index(store: HookedStore, service: Service) -> None:
    service.create(NewIndex("t", 2, shards=1), FOREVER)
    answer = store.inner.get("t")
    assert isinstance(answer, StoredObject)
    assert b"shards" not in answer.data
    assert object_names(store.inner) == ["t"]


def test_the_shards_are_written_before_the_root_object(store: HookedStore, service: Service) -> None:
    service.create(NewIndex("t", 2, shards=3), FOREVER)
    written = [name for method, name, *_ in store.calls if method == "put"]
    assert written[-1] == "t"
    assert sorted(name.rpartition("/")[2] for name in written[:-1]) == ["0", "1", "2"]


def test_the_root_object_and_each_shard_record_the_model_and_the_text_fields(
    store: HookedStore, service: Service
) -> None:
    embedding, text = Embedding("e5", "query: ", "passage: "), {"body": TextField(), "title": TextField("german")}
    service.create(NewIndex("t", 2, shards=3, embedding=embedding, text=text), FOREVER)
    stored = [store.inner.get(name) for name in object_names(store.inner)]
    blobs = [decode.open_blob(one.data) for one in stored if isinstance(one, StoredObject)]
    assert [(blob.params.embedding, blob.params.text) for blob in blobs] == [(embedding, text)] * 4


@pytest.mark.parametrize("shards", [-1, 0, 1_001])
def test_an_invalid_number_of_shards_is_refused(service: Service, shards: int) -> None:
    with pytest.raises(RequestInvalid):
        service.create(NewIndex("t", 2, shards=shards), FOREVER)


@pytest.mark.parametrize("shards", [1, 2])
def test_creating_an_existing_index_is_refused_and_writes_no_shard(
    store: HookedStore, filled: Service, shards: int
) -> None:
    before = etags(store.inner)
    store.calls.clear()
    with pytest.raises(IndexExists):
        filled.create(NewIndex("t", 2, shards=shards), FOREVER)
    assert not [name for method, name, *_ in store.calls if method == "put" and name != "t"]
    assert etags(store.inner) == before


def test_the_slower_of_two_creations_removes_its_shards(store: HookedStore, service: Service) -> None:
    other = a_service(store.inner)

    def first() -> None:
        del store.before["put", "t"]
        other.create(NewIndex("t", 2, shards=2), FOREVER)

    store.before["put", "t"] = first
    with pytest.raises(IndexExists):
        service.create(NewIndex("t", 2, shards=5), FOREVER)
    assert len(object_names(store.inner)) == 1 + 2
    assert other.add("t", ROWS, FOREVER).added == len(ROWS)


def test_a_refused_creation_leaves_no_object(store: HookedStore, service: Service) -> None:
    store.fail("put", "/2", StoreRefused("AccessDenied"))
    with pytest.raises(StoreRefused):
        service.create(NewIndex("t", 2, shards=3), FOREVER)
    assert object_names(store.inner) == []


def test_a_creation_without_a_reply_leaves_no_object(store: HookedStore, service: Service) -> None:
    store.fail("put", "/2", StoreUnavailable())
    with pytest.raises(StorageSilent):
        service.create(NewIndex("t", 2, shards=3), FOREVER)
    assert object_names(store.inner) == []


def test_a_creation_of_unknown_outcome_keeps_its_shards(store: HookedStore, service: Service) -> None:
    store.fail("put", "t", StoreUnavailable())
    with pytest.raises(OutcomeUnknown):
        service.create(NewIndex("t", 2, shards=3), FOREVER)
    assert len(object_names(store.inner)) == 3


# ---- deletion


def test_deleting_removes_the_root_object_and_then_the_shards(store: HookedStore, filled: Service) -> None:
    store.calls.clear()
    filled.delete_index("t", FOREVER)
    deleted = [name for method, name, *_ in store.calls if method == "delete"]
    assert (deleted[0], len(deleted)) == ("t", 4)
    assert object_names(store.inner) == []


def test_a_recreated_sharded_index_starts_empty(filled: Service) -> None:
    filled.delete_index("t", FOREVER)
    filled.create(NewIndex("t", 2, shards=2), FOREVER)
    assert (vector_count(filled), search_ids(filled, 1.0, 0.0)) == (0, [])


def test_an_index_recreated_during_a_deletion_is_deleted_with_its_shards(store: HookedStore, filled: Service) -> None:
    other = a_service(store.inner)

    def meanwhile() -> None:
        store.before.clear()
        other.delete_index("t", FOREVER)
        other.create(NewIndex("t", 2, shards=4), FOREVER)

    store.before["delete", "t"] = meanwhile
    filled.delete_index("t", FOREVER)
    assert object_names(store.inner) == []


def test_shards_that_cannot_be_deleted_are_metered_and_belong_to_no_index(store: HookedStore, filled: Service) -> None:
    store.fail("delete", "/1", StoreUnavailable())
    filled.environment.meter.drain()
    filled.delete_index("t", FOREVER)
    assert filled.environment.meter.drain()["ShardsLeft"] == 1
    filled.create(NewIndex("t", 2, shards=3), FOREVER)
    assert vector_count(filled) == 0
