"""Creating an index is one conditional write; deleting it is one conditional delete of the state that was read."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.support import services
from tests.support.scripted_store import (
    ScriptedStore,
    after,
    arrives_twice,
    fails_with,
    loses_reply,
    loses_reply_then,
    no_reply,
    no_reply_then,
)
from tests.support.services import FOREVER, Clock, vector
from vectord.errors import Contended, IndexExists, IndexNotFound, OutcomeUnknown, RequestInvalid, WriteConflict
from vectord.service.service import Service
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import NewIndex
from vectord.storage.base import IfAbsent


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


@pytest.fixture
def service(store: ScriptedStore) -> Service:
    return services.a_service(store, clock=Clock(ids="ours"), retry_policy=RetryPolicy(max_attempts=3))


def names(store: ScriptedStore) -> list[str]:
    return [found.name for found in store.inner.list("", 10, None).objects]


def test_creating_returns_the_etag_of_the_stored_object(store: ScriptedStore, service: Service) -> None:
    assert service.create(NewIndex("t", 2), FOREVER).etag == store.inner.etag("t")


def test_creating_is_one_write_and_a_look_for_pending_changes(store: ScriptedStore, service: Service) -> None:
    service.create(NewIndex("t", 2), FOREVER)
    assert store.requests() == {"put": 1, "staged": 1}


def test_a_new_index_has_no_vectors_and_no_graph(service: Service) -> None:
    created = service.create(NewIndex("t", 2), FOREVER)
    assert (created.count, created.graph_size, created.curves) == (0, 0, {})


def test_creating_an_index_that_exists_is_refused(service: Service, other: Service) -> None:
    other.create(NewIndex("t", 2), FOREVER)
    with pytest.raises(IndexExists):
        service.create(NewIndex("t", 2), FOREVER)


def test_invalid_parameters_are_refused_without_a_request_to_storage(store: ScriptedStore, service: Service) -> None:
    with pytest.raises(RequestInvalid):
        service.create(NewIndex("t", 0), FOREVER)
    assert store.calls == []


def test_a_lost_reply_to_a_creation_is_recognised_as_success(store: ScriptedStore, service: Service) -> None:
    store.on("put", loses_reply)
    assert service.create(NewIndex("t", 2), FOREVER).etag == store.inner.etag("t")


def test_a_lost_reply_to_a_creation_is_recognised_after_a_later_commit(
    store: ScriptedStore, service: Service, other: Service
) -> None:
    store.on("put", loses_reply_then(lambda: other.add("t", [vector("a", 1, 0)], FOREVER)))
    assert service.create(NewIndex("t", 2), FOREVER).params.name == "t"


def test_a_creation_that_never_arrived_is_sent_again(store: ScriptedStore, service: Service) -> None:
    store.on("put", no_reply)
    service.create(NewIndex("t", 2), FOREVER)
    assert names(store) == ["t"]


def test_a_creation_overtaken_by_another_creation_is_refused(
    store: ScriptedStore, service: Service, other: Service
) -> None:
    store.on("put", no_reply_then(lambda: other.create(NewIndex("t", 9), FOREVER)))
    with pytest.raises(IndexExists):
        service.create(NewIndex("t", 2), FOREVER)
    assert other.describe("t", FOREVER).params.dimension == 9


def test_a_creation_that_finds_an_unreadable_object_is_refused(store: ScriptedStore, service: Service) -> None:
    store.on("put", no_reply_then(lambda: store.inner.put("t", b"something else", IfAbsent(), "")))
    with pytest.raises(IndexExists):
        service.create(NewIndex("t", 2), FOREVER)


def test_a_conflict_during_creation_is_retried_after_a_wait(store: ScriptedStore, service: Service) -> None:
    store.on("put", fails_with(WriteConflict()))
    service.create(NewIndex("t", 2), FOREVER)
    assert names(store) == ["t"]


def test_endless_conflicts_during_creation_create_nothing(store: ScriptedStore, service: Service) -> None:
    store.always("put", fails_with(WriteConflict()))
    with pytest.raises(Contended):
        service.create(NewIndex("t", 2), FOREVER)


def test_without_any_reply_the_outcome_of_a_creation_is_unknown(store: ScriptedStore, service: Service) -> None:
    store.always("put", no_reply)
    with pytest.raises(OutcomeUnknown):
        service.create(NewIndex("t", 2), FOREVER)


def test_exactly_one_of_many_concurrent_creations_succeeds(store: ScriptedStore) -> None:
    start = Barrier(8)

    def create(number: int) -> int | None:
        service = services.a_service(store.inner, clock=Clock(ids=f"writer-{number}"))
        start.wait()
        try:
            return service.create(NewIndex("t", number + 1), FOREVER).params.dimension
        except IndexExists:
            return None

    with ThreadPoolExecutor(8) as pool:
        made = [dimension for dimension in pool.map(create, range(8)) if dimension]
    assert made == [services.a_service(store.inner).describe("t", FOREVER).params.dimension]


def test_deleting_removes_the_object(store: ScriptedStore, service: Service) -> None:
    service.create(NewIndex("t", 2), FOREVER)
    service.delete_index("t", FOREVER)
    assert names(store) == []


def test_deleting_a_missing_index_is_refused(service: Service) -> None:
    with pytest.raises(IndexNotFound):
        service.delete_index("t", FOREVER)


def test_an_invalid_name_is_refused_without_a_request_to_storage(store: ScriptedStore, service: Service) -> None:
    for name in ("", ".hidden", "a/b", "x" * 129):
        with pytest.raises(IndexNotFound):
            service.delete_index(name, FOREVER)
        with pytest.raises(IndexNotFound):
            service.describe(name, FOREVER)
    assert store.calls == []


def test_a_lost_reply_to_a_deletion_is_recognised_as_success(store: ScriptedStore, service: Service) -> None:
    service.create(NewIndex("t", 2), FOREVER)
    store.on("delete", loses_reply)
    service.delete_index("t", FOREVER)
    assert names(store) == []


def test_a_deletion_that_never_arrived_is_sent_again(store: ScriptedStore, service: Service) -> None:
    service.create(NewIndex("t", 2), FOREVER)
    store.on("delete", no_reply)
    service.delete_index("t", FOREVER)
    assert names(store) == []


def test_an_index_that_changes_before_its_deletion_is_deleted_in_its_new_state(
    store: ScriptedStore, service: Service, other: Service
) -> None:
    service.create(NewIndex("t", 2), FOREVER)
    store.on("delete", after(lambda: other.add("t", [vector("a", 1, 0)], FOREVER)))
    service.delete_index("t", FOREVER)
    assert names(store) == []


def test_an_index_that_another_caller_deletes_first_is_not_found(
    store: ScriptedStore, service: Service, other: Service
) -> None:
    service.create(NewIndex("t", 2), FOREVER)
    store.on("delete", after(lambda: other.delete_index("t", FOREVER)))
    with pytest.raises(IndexNotFound):
        service.delete_index("t", FOREVER)


def test_an_unreadable_object_can_be_deleted(store: ScriptedStore, service: Service) -> None:
    store.inner.put("t", b"not LHV1 at all", IfAbsent(), "")
    service.delete_index("t", FOREVER)
    assert names(store) == []


def test_without_any_reply_the_outcome_of_a_deletion_is_unknown(store: ScriptedStore, service: Service) -> None:
    service.create(NewIndex("t", 2), FOREVER)
    store.always("delete", no_reply)
    with pytest.raises(OutcomeUnknown):
        service.delete_index("t", FOREVER)


def test_endless_conflicts_during_deletion_delete_nothing(store: ScriptedStore, service: Service) -> None:
    service.create(NewIndex("t", 2), FOREVER)
    store.always("delete", fails_with(WriteConflict()))
    with pytest.raises(Contended):
        service.delete_index("t", FOREVER)


def test_a_recreated_index_starts_empty(service: Service) -> None:
    service.create(NewIndex("t", 2), FOREVER)
    service.add("t", [vector("a", 1, 0)], FOREVER)
    service.delete_index("t", FOREVER)
    assert service.create(NewIndex("t", 3), FOREVER).count == 0
    assert service.describe("t", FOREVER).count == 0


def test_a_creation_that_arrives_twice_succeeds(store: ScriptedStore, service: Service) -> None:
    store.on("put", arrives_twice)
    assert service.create(NewIndex("t", 2), FOREVER).count == 0
    assert names(store) == ["t"]
