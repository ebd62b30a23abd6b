"""Lost replies to creations and deletions: the outcome is read from storage, or reported as unknown."""

import pytest

from tests.support import services
from tests.support.scripted_store import (
    ScriptedStore,
    arrives_twice,
    fails_with,
    loses_reply,
    loses_reply_then,
    no_reply,
    passes_through,
)
from tests.support.services import FOREVER
from vectord.errors import IndexNotFound, OutcomeUnknown, StorageSilent, WriteConflict
from vectord.service.service import Service
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import NewIndex, WriteOptions


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


@pytest.fixture
def service(store: ScriptedStore) -> Service:
    return services.a_service(store, retry_policy=RetryPolicy(max_attempts=2))


def test_if_reads_fail_after_an_unanswered_creation_the_outcome_is_unknown(
    store: ScriptedStore, service: Service
) -> None:
    store.on("put", loses_reply)
    store.always("head", no_reply)
    with pytest.raises(OutcomeUnknown):
        service.create(NewIndex("t", 2), FOREVER)


def test_if_reads_fail_after_a_creation_that_arrived_twice_the_outcome_is_unknown(
    store: ScriptedStore, service: Service
) -> None:
    store.on("put", arrives_twice)
    store.always("head", no_reply)
    with pytest.raises(OutcomeUnknown):
        service.create(NewIndex("t", 2), FOREVER)


def test_a_lost_reply_to_the_last_attempt_to_create_is_recognised(store: ScriptedStore, service: Service) -> None:
    store.on("put", no_reply, loses_reply)
    assert service.create(NewIndex("t", 2), FOREVER).count == 0


def test_a_creation_that_never_arrived_is_unknown_because_it_may_still_arrive(
    store: ScriptedStore, service: Service
) -> None:
    store.on("put", no_reply, no_reply)
    with pytest.raises(OutcomeUnknown):
        service.create(NewIndex("t", 2), FOREVER)


def test_a_lost_reply_to_the_last_attempt_to_delete_is_recognised(store: ScriptedStore, service: Service) -> None:
    service.create(NewIndex("t", 2), FOREVER)
    store.on("delete", no_reply, loses_reply)
    service.delete_index("t", FOREVER)
    with pytest.raises(IndexNotFound):
        service.describe("t", FOREVER)


def test_if_reads_fail_after_a_deletion_that_arrived_twice_the_outcome_is_unknown(
    store: ScriptedStore, service: Service
) -> None:
    service.create(NewIndex("t", 2), FOREVER)
    store.on("etag", passes_through)
    store.always("etag", no_reply)
    store.on("delete", arrives_twice)
    with pytest.raises(OutcomeUnknown):
        service.delete_index("t", FOREVER)


def test_a_deletion_whose_first_read_fails_changes_nothing(store: ScriptedStore, service: Service) -> None:
    service.create(NewIndex("t", 2), FOREVER)
    store.always("etag", no_reply)
    with pytest.raises(StorageSilent):
        service.delete_index("t", FOREVER)


@pytest.mark.parametrize("with_if_match", [True, False])
def test_an_index_created_after_an_unanswered_deletion_is_kept(
    store: ScriptedStore, service: Service, other: Service, with_if_match: bool
) -> None:
    etag = service.create(NewIndex("t", 2), FOREVER).etag
    store.on("delete", loses_reply_then(lambda: other.create(NewIndex("t", 3), FOREVER)))
    with pytest.raises(OutcomeUnknown):
        service.delete_index("t", FOREVER, WriteOptions({etag} if with_if_match else None))
    assert other.describe("t", FOREVER).params.dimension == 3


def test_a_conflict_after_an_unanswered_deletion_leaves_the_outcome_unknown(
    store: ScriptedStore, service: Service
) -> None:
    service.create(NewIndex("t", 2), FOREVER)
    store.on("delete", no_reply, fails_with(WriteConflict()))
    with pytest.raises(OutcomeUnknown):
        service.delete_index("t", FOREVER)
