"""A compaction survives lost replies, conflicts and refusals of storage, and leaves no staged object."""

import pytest

from tests.support.compactions import ExpectedIndex, compact, staged
from tests.support.scripted_store import ScriptedStore, after, fails_with, loses_reply, loses_reply_then, no_reply
from vectord.errors import Contended, OutcomeUnknown, StorageSilent, StoreRefused, WriteConflict
from vectord.service.maintenance.compaction import Compaction
from vectord.service.values.options import Deadline


def test_a_lost_reply_to_the_commit_is_recognised(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    store.on("splice", loses_reply)
    assert (compact(compaction).outcome, store.count("splice")) == ("compacted", 1)
    assert expected.stored() == expected.rows


def test_a_lost_reply_is_recognised_after_a_later_commit(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    store.on("splice", loses_reply_then(lambda: expected.delete("1")))
    assert (compact(compaction).outcome, store.count("splice")) == ("compacted", 1)
    assert expected.stored() == expected.rows


@pytest.mark.parametrize("method", ["head", "get", "put", "read", "stage", "splice"])
def test_a_request_without_a_reply_is_retried(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction, method: str
) -> None:
    store.on(method, no_reply, loses_reply)
    assert compact(compaction).outcome == "compacted"
    assert (expected.stored(), staged(store)) == (expected.rows, [])


def test_a_conflict_is_retried_after_a_wait(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    store.on("splice", fails_with(WriteConflict()), fails_with(WriteConflict()))
    assert (compact(compaction).outcome, store.count("stage")) == ("compacted", 1)
    assert expected.stored() == expected.rows


def test_losing_every_race_changes_nothing_and_leaves_no_staged_object(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    seeds = iter(range(100))
    store.always("splice", after(lambda: expected.add("new", seed=next(seeds))))
    with pytest.raises(Contended):
        compaction.compact("t", "request", Deadline(2.0))
    assert (expected.stored(), staged(store)) == (expected.rows, [])


def test_without_a_reply_to_any_attempt_the_outcome_is_unknown(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    store.always("splice", no_reply)
    with pytest.raises(OutcomeUnknown):
        compact(compaction)
    assert (expected.stored(), staged(store)) == (expected.rows, [])


def test_a_refused_staging_changes_nothing(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    store.always("stage", no_reply)
    with pytest.raises(StorageSilent):
        compact(compaction)
    assert (expected.stored(), staged(store)) == (expected.rows, [])


def test_a_failed_cleanup_does_not_fail_the_compaction(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    store.always("discard", fails_with(StoreRefused("AccessDenied")))
    store.always("delete", no_reply)
    assert compact(compaction).outcome == "compacted"
    assert len(staged(store)) == 2  # the bucket's rule removes them
    assert expected.stored() == expected.rows
