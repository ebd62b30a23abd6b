"""A change is one conditional write; its outcome is determined wherever storage allows it."""

import pytest

from tests.support import services
from tests.support.scripted_store import (
    Real,
    ScriptedStore,
    after,
    arrives_twice,
    fails_with,
    loses_reply,
    loses_reply_then,
    no_reply,
    no_reply_then,
    passes_through,
)
from tests.support.services import FOREVER, Clock, a_query, vector
from tests.support.vectors import item
from vectord.errors import (
    BatchInvalid,
    Contended,
    IndexNotFound,
    ObjectChanged,
    OutcomeUnknown,
    StorageSilent,
    StoreRefused,
    StoreUnavailable,
    WriteConflict,
)
from vectord.index.mutations import upsert
from vectord.index.state import Index
from vectord.service.commit.loop import CommitLoop
from vectord.service.service import Service
from vectord.service.snapshots.cache import SnapshotCache, SnapshotReader
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import Deadline, NewIndex
from vectord.service.values.selection import Selection
from vectord.storage.base import IfAbsent, StoredObject

A, B = vector("a", 1, 0), vector("b", 0, 1)
SOON = Deadline(2.0)


def fetched(store: ScriptedStore) -> StoredObject:
    found = store.inner.get("t")
    assert isinstance(found, StoredObject)
    return found


def ids(service: Service) -> set[str]:
    found = service.search("t", a_query(vector("", 1, 1).vector, 100), FOREVER)
    return {match.id for match in found.answer.matches}


def test_a_commit_returns_the_etag_of_the_stored_object(store: ScriptedStore, service: Service) -> None:
    assert service.add("t", [A], FOREVER).etag == store.inner.etag("t")


def test_a_commit_is_one_read_and_one_write(store: ScriptedStore, service: Service) -> None:
    service.add("t", [A], FOREVER)
    assert store.requests() == {"head": 1, "put": 1}


def test_a_lost_reply_is_recognised_without_a_second_write(store: ScriptedStore, service: Service) -> None:
    store.on("put", loses_reply)
    done = service.add("t", [A], FOREVER)
    assert (done.added, done.replaced, done.count, store.count("put")) == (1, 0, 1, 1)


def test_a_lost_reply_returns_the_etag_of_its_write(store: ScriptedStore, service: Service) -> None:
    store.on("put", loses_reply)
    assert service.add("t", [A], FOREVER).etag == store.inner.etag("t")


def test_a_lost_reply_is_recognised_after_a_later_commit_of_another_writer(
    store: ScriptedStore, service: Service, other: Service
) -> None:
    store.on("put", loses_reply_then(lambda: other.delete("t", Selection(["a"]), FOREVER)))
    done = service.add("t", [A], FOREVER)
    assert (done.added, done.count, store.count("put")) == (1, 1, 1)
    assert ids(service) == set()  # applied twice, it would be back


def test_a_write_that_never_arrived_is_sent_again(store: ScriptedStore, service: Service) -> None:
    store.on("put", no_reply)
    done = service.add("t", [A], FOREVER)
    assert (done.added, done.count, store.count("put")) == (1, 1, 2)


def test_a_write_that_arrives_late_is_recognised_by_its_retry(store: ScriptedStore, service: Service) -> None:
    on_the_way: list[Real] = []

    def delayed(real: Real) -> None:
        on_the_way.append(real)
        no_reply(real)

    def arrives() -> None:
        on_the_way.pop()()

    store.on("put", delayed, after(arrives))
    done = service.add("t", [A], FOREVER)
    assert (done.added, done.replaced, done.count, store.count("put")) == (1, 0, 1, 2)


def test_a_change_that_lost_a_race_is_applied_to_the_new_state(
    store: ScriptedStore, service: Service, other: Service
) -> None:
    store.on("put", after(lambda: other.add("t", [A, B], FOREVER)))
    done = service.add("t", [A], FOREVER)
    assert (done.added, done.replaced, done.count) == (0, 1, 2)
    assert ids(other) == {"a", "b"}


def test_a_change_is_validated_again_against_a_recreated_index(
    store: ScriptedStore, service: Service, other: Service
) -> None:
    def replaced() -> None:
        other.delete_index("t", FOREVER)
        other.create(NewIndex("t", 3), FOREVER)

    store.on("put", after(replaced))
    with pytest.raises(BatchInvalid):
        service.add("t", [A], FOREVER)


def test_a_conflict_is_retried_after_a_wait(store: ScriptedStore) -> None:
    clock = Clock()
    store.on("put", fails_with(WriteConflict()), fails_with(WriteConflict()))
    assert services.a_service(store, clock=clock).add("t", [A], FOREVER).added == 1
    assert len(clock.sleeps) == 2


def test_a_change_never_recreates_an_index_that_was_deleted_concurrently(
    store: ScriptedStore, service: Service, other: Service
) -> None:
    store.on("put", after(lambda: other.delete_index("t", FOREVER)))
    with pytest.raises(IndexNotFound):
        service.add("t", [A], FOREVER)
    assert not store.inner.list("", 10, None).objects


def test_a_lost_reply_never_recreates_an_index_that_was_deleted_concurrently(
    store: ScriptedStore, service: Service, other: Service
) -> None:
    store.on("put", no_reply_then(lambda: other.delete_index("t", FOREVER)))
    with pytest.raises(IndexNotFound):
        service.add("t", [A], FOREVER)
    assert not store.inner.list("", 10, None).objects


def test_a_lost_reply_to_the_last_attempt_is_recognised(store: ScriptedStore, service: Service) -> None:
    store.on("put", no_reply, no_reply, no_reply, loses_reply)
    assert service.add("t", [A], FOREVER).count == 1


def test_without_a_reply_to_any_attempt_the_outcome_is_unknown(store: ScriptedStore, service: Service) -> None:
    store.always("put", no_reply)
    with pytest.raises(OutcomeUnknown):
        service.add("t", [A], FOREVER)
    assert store.count("put") == 4


def test_a_change_that_loses_every_race_is_committed_by_the_writer_that_wins_them(
    store: ScriptedStore, service: Service
) -> None:
    fast = services.a_service(store.inner, clock=(clock := Clock(ids="fast")))

    def wins() -> None:
        clock.now += 0.5
        fast.add("t", [B], FOREVER)

    store.always("put", after(wins))
    assert service.add("t", [A], SOON).added == 1
    assert ids(fast) == {"a", "b"}


def test_a_change_with_endless_conflicts_is_known_not_to_be_committed(store: ScriptedStore, service: Service) -> None:
    store.always("put", fails_with(WriteConflict()))
    with pytest.raises(Contended):
        service.add("t", [A], FOREVER)


def test_an_unanswered_last_attempt_is_known_to_be_lost_after_a_commit_of_another_writer(
    store: ScriptedStore, other: Service
) -> None:
    store.on("put", no_reply_then(lambda: other.add("t", [B], FOREVER)))
    with pytest.raises(Contended):
        services.a_service(store, retry_policy=RetryPolicy(max_attempts=1)).add("t", [A], FOREVER)


def test_if_reads_fail_after_an_unanswered_write_the_outcome_is_unknown(store: ScriptedStore, service: Service) -> None:
    store.on("head", passes_through)
    store.always("head", no_reply)
    store.on("put", loses_reply)
    with pytest.raises(OutcomeUnknown):
        service.add("t", [A], FOREVER)


def test_a_write_that_arrives_twice_is_recognised(store: ScriptedStore, service: Service) -> None:
    store.on("put", arrives_twice)
    assert service.add("t", [A], FOREVER).count == 1
    assert store.count("put") == 1


def test_if_reads_fail_after_a_write_that_arrived_twice_the_outcome_is_unknown(
    store: ScriptedStore, service: Service
) -> None:
    store.on("head", passes_through)
    store.always("head", no_reply)
    store.on("put", arrives_twice)
    with pytest.raises(OutcomeUnknown):
        service.add("t", [A], FOREVER)


def test_if_the_first_read_fails_nothing_was_changed(store: ScriptedStore, service: Service) -> None:
    store.always("head", no_reply)
    with pytest.raises(StorageSilent):
        service.add("t", [A], FOREVER)
    assert store.count("put") == 0


def test_a_read_without_a_reply_is_retried(store: ScriptedStore, service: Service) -> None:
    store.on("head", no_reply, no_reply)
    assert service.describe("t", FOREVER).count == 0


@pytest.mark.parametrize("trouble", [ObjectChanged("t"), StoreUnavailable("no answer")])
def test_a_change_whose_reads_are_interrupted_starts_again(
    store: ScriptedStore, trouble: StoreUnavailable | ObjectChanged
) -> None:
    clock = Clock(ids="ours")
    warm = SnapshotCache(store, services.new_section_cache(), 1 << 20, clock.environment())
    troubles = [trouble]

    def change(index: Index) -> tuple[Index, str]:
        if troubles:
            raise troubles.pop()
        changed, _, _ = upsert(index, [item("a", [1, 0])])
        return changed, "done"

    done = CommitLoop(SnapshotReader(store, warm, clock.environment(), RetryPolicy())).change("t", change, FOREVER)
    assert (done.result, store.count("put")) == ("done", 1)


@pytest.mark.parametrize(
    ("troubles", "error"),
    [
        ([StoreUnavailable()] * 4, StorageSilent),
        ([ObjectChanged()] * 3 + [StoreUnavailable()], StorageSilent),
        ([StoreUnavailable()] * 3 + [ObjectChanged()], Contended),
    ],
)
def test_the_last_attempt_decides_whether_storage_was_silent_or_the_index_contended(
    store: ScriptedStore, troubles: list[Exception], error: type[Exception]
) -> None:
    left = iter(troubles)

    def change(index: Index) -> tuple[Index, tuple[int, ...]]:
        raise next(left)

    environment = Clock().environment()
    cache = SnapshotCache(store, services.new_section_cache(), 1 << 20, environment)
    loop = CommitLoop(SnapshotReader(store, cache, environment, RetryPolicy(max_attempts=4)))
    with pytest.raises(error):
        loop.change("t", change, FOREVER)
    assert (list(left), store.count("put")) == ([], 0)


def test_a_refusal_is_not_retried(store: ScriptedStore, service: Service) -> None:
    store.always("put", fails_with(StoreRefused("AccessDenied")))
    with pytest.raises(StoreRefused):
        service.add("t", [A], FOREVER)
    assert store.count("put") == 1


def test_deleting_ids_that_are_absent_writes_nothing(store: ScriptedStore, service: Service) -> None:
    before = store.inner.etag("t")
    done = service.delete("t", Selection(["x", "y"]), FOREVER)
    assert (done.deleted, done.count, done.etag, store.count("put")) == (0, 0, before, 0)


def test_a_refused_batch_does_not_change_the_cached_state(store: ScriptedStore, service: Service) -> None:
    with pytest.raises(BatchInvalid):
        service.add("t", [A, vector("short", 1)], FOREVER)
    assert store.count("put") == 0


def test_an_object_copied_to_another_key_is_an_index_of_that_name(store: ScriptedStore, service: Service) -> None:
    service.add("t", [A], FOREVER)
    store.inner.put("copy", fetched(store).data, IfAbsent(), "copied by hand")
    service.add("copy", [B], FOREVER)
    assert service.describe("copy", FOREVER).params.name == "copy"
    assert service.describe("t", FOREVER).count == 1


def test_a_warm_function_changes_the_newest_state(service: Service, other: Service) -> None:
    service.add("t", [A], FOREVER)
    other.add("t", [B], FOREVER)
    assert service.add("t", [vector("c", 1, 1)], FOREVER).count == 3
