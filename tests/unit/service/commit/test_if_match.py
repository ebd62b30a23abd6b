"""With If-Match a change applies to a state with one of the given ETags, or fails."""

import pytest

from tests.support.scripted_store import ScriptedStore, after, fails_with, loses_reply, no_reply, no_reply_then
from tests.support.services import FOREVER, vector
from vectord.errors import PreconditionFailed, WriteConflict
from vectord.service.service import Service
from vectord.service.values.options import WriteOptions
from vectord.service.values.selection import Selection

A, B = vector("a", 1, 0), vector("b", 0, 1)


def test_a_change_at_the_current_etag_is_committed(store: ScriptedStore, service: Service) -> None:
    assert service.add("t", [A], FOREVER, WriteOptions({store.inner.etag("t")})).added == 1


def test_one_matching_etag_of_several_is_enough(store: ScriptedStore, service: Service) -> None:
    assert service.add("t", [A], FOREVER, WriteOptions({'"old"', store.inner.etag("t")})).added == 1


def test_a_change_at_another_etag_is_refused_and_writes_nothing(store: ScriptedStore, service: Service) -> None:
    before = store.count("put")
    with pytest.raises(PreconditionFailed):
        service.add("t", [A], FOREVER, WriteOptions({'"old"'}))
    assert store.count("put") == before


def test_an_empty_set_of_etags_refuses_every_change(service: Service) -> None:
    with pytest.raises(PreconditionFailed):
        service.delete("t", Selection(["a"]), FOREVER, WriteOptions(frozenset()))


def test_a_change_that_lost_a_race_is_refused_and_not_applied_to_the_new_state(
    store: ScriptedStore, service: Service, other: Service
) -> None:
    store.on("put", after(lambda: other.add("t", [B], FOREVER)))
    with pytest.raises(PreconditionFailed):
        service.add("t", [A], FOREVER, WriteOptions({store.inner.etag("t")}))
    assert other.describe("t", FOREVER).count == 1


def test_a_lost_reply_is_recognised_although_the_etag_has_changed(store: ScriptedStore, service: Service) -> None:
    store.on("put", loses_reply)
    assert service.add("t", [A], FOREVER, WriteOptions({store.inner.etag("t")})).added == 1


def test_an_unanswered_write_overtaken_by_another_writer_is_refused(
    store: ScriptedStore, service: Service, other: Service
) -> None:
    store.on("put", no_reply_then(lambda: other.add("t", [B], FOREVER)))
    with pytest.raises(PreconditionFailed):
        service.add("t", [A], FOREVER, WriteOptions({store.inner.etag("t")}))


def test_a_conflict_at_the_expected_etag_is_retried(store: ScriptedStore, service: Service) -> None:
    store.on("put", fails_with(WriteConflict()), no_reply)
    assert service.add("t", [A], FOREVER, WriteOptions({store.inner.etag("t")})).added == 1


def test_a_deletion_at_the_current_etag_succeeds(store: ScriptedStore, service: Service) -> None:
    service.delete_index("t", FOREVER, WriteOptions({store.inner.etag("t")}))
    assert not store.inner.list("", 10, None).objects


def test_a_deletion_at_another_etag_is_refused(store: ScriptedStore, service: Service) -> None:
    with pytest.raises(PreconditionFailed):
        service.delete_index("t", FOREVER, WriteOptions({'"old"'}))
    assert store.count("delete") == 0


def test_an_index_that_changes_before_its_conditional_deletion_is_kept(
    store: ScriptedStore, service: Service, other: Service
) -> None:
    store.on("delete", after(lambda: other.add("t", [A], FOREVER)))
    with pytest.raises(PreconditionFailed):
        service.delete_index("t", FOREVER, WriteOptions({store.inner.etag("t")}))
    assert other.describe("t", FOREVER).count == 1
