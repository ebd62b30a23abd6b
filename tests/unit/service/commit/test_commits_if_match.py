"""Callers may bring If-Match: then a change happens to the version that they name, or not at all."""

import pytest

from tests.support import services
from tests.support.scripted_store import ScriptedStore, after, fails_with, loses_reply, no_reply, no_reply_then
from tests.support.services import FOREVER, Clock, vector
from vectord.errors import PreconditionFailed, WriteConflict
from vectord.service.lifecycle import NewIndex
from vectord.service.service import Service
from vectord.service.values.options import WriteOptions
from vectord.service.values.selection import Selection

A, B = vector("a", 1, 0), vector("b", 0, 1)


@pytest.fixture
def store() -> ScriptedStore:
    store = ScriptedStore()
    services.a_service(store, clock=Clock(ids="setup")).create(NewIndex("t", 2), FOREVER)
    return store


@pytest.fixture
def service(store: ScriptedStore) -> Service:
    return services.a_service(store, clock=Clock(ids="ours"))


@pytest.fixture
def other(store: ScriptedStore) -> Service:
    return services.a_service(store.inner, clock=Clock(ids="other"))


def test_the_present_version_lets_the_change_through(store: ScriptedStore, service: Service) -> None:
    assert service.add("t", [A], FOREVER, WriteOptions({store.inner.etag("t")})).added == 1


def test_one_of_several_versions_is_enough(store: ScriptedStore, service: Service) -> None:
    assert service.add("t", [A], FOREVER, WriteOptions({'"old"', store.inner.etag("t")})).added == 1


def test_another_version_refuses_the_change_and_writes_nothing(store: ScriptedStore, service: Service) -> None:
    before = store.count("put")
    with pytest.raises(PreconditionFailed):
        service.add("t", [A], FOREVER, WriteOptions({'"old"'}))
    assert store.count("put") == before


def test_no_version_at_all_refuses_every_change(service: Service) -> None:
    with pytest.raises(PreconditionFailed):
        service.delete("t", Selection(["a"]), FOREVER, WriteOptions(frozenset()))


def test_losing_to_another_writer_in_between_is_refused_and_not_applied_to_the_new_state(
    store: ScriptedStore, service: Service, other: Service
) -> None:
    store.on("put", after(lambda: other.add("t", [B], FOREVER)))
    with pytest.raises(PreconditionFailed):
        service.add("t", [A], FOREVER, WriteOptions({store.inner.etag("t")}))
    assert other.describe("t", FOREVER).count == 1


def test_our_own_lost_reply_is_success_although_the_version_has_moved(store: ScriptedStore, service: Service) -> None:
    store.on("put", loses_reply)
    assert service.add("t", [A], FOREVER, WriteOptions({store.inner.etag("t")})).added == 1


def test_an_unanswered_write_overtaken_by_another_writer_is_refused(
    store: ScriptedStore, service: Service, other: Service
) -> None:
    store.on("put", no_reply_then(lambda: other.add("t", [B], FOREVER)))
    with pytest.raises(PreconditionFailed):
        service.add("t", [A], FOREVER, WriteOptions({store.inner.etag("t")}))


def test_a_conflict_at_the_version_named_is_retried(store: ScriptedStore, service: Service) -> None:
    store.on("put", fails_with(WriteConflict()), no_reply)
    assert service.add("t", [A], FOREVER, WriteOptions({store.inner.etag("t")})).added == 1


def test_an_index_is_deleted_at_the_version_named(store: ScriptedStore, service: Service) -> None:
    service.delete_index("t", FOREVER, WriteOptions({store.inner.etag("t")}))
    assert not store.inner.list("", 10, None).objects


def test_an_index_at_another_version_is_not_deleted(store: ScriptedStore, service: Service) -> None:
    with pytest.raises(PreconditionFailed):
        service.delete_index("t", FOREVER, WriteOptions({'"old"'}))
    assert store.count("delete") == 0


def test_an_index_changed_just_before_its_deletion_stays(
    store: ScriptedStore, service: Service, other: Service
) -> None:
    store.on("delete", after(lambda: other.add("t", [A], FOREVER)))
    with pytest.raises(PreconditionFailed):
        service.delete_index("t", FOREVER, WriteOptions({store.inner.etag("t")}))
    assert other.describe("t", FOREVER).count == 1
