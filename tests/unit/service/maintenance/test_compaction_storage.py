"""A compaction whose storage loses replies, conflicts or refuses loses nothing, and leaves nothing behind."""

import pytest

from tests.support.compactions import ExpectedIndex, a_compaction, compact, staged
from tests.support.scripted_store import ScriptedStore, after, fails_with, loses_reply, loses_reply_then, no_reply
from vectord.errors import Contended, OutcomeUnknown, StorageSilent, StoreRefused, WriteConflict
from vectord.service.maintenance.compaction import Compaction


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore(least_part=1)


@pytest.fixture
def expected(store: ScriptedStore) -> ExpectedIndex:
    return ExpectedIndex(store.inner)


@pytest.fixture
def compaction(store: ScriptedStore, expected: ExpectedIndex) -> Compaction:
    assert expected
    return a_compaction(store)


def test_a_lost_reply_to_the_commit_is_recognised(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    store.on("splice", loses_reply)
    assert (compact(compaction).outcome, store.count("splice")) == ("compacted", 1)
    assert expected.stored() == expected.rows


def test_a_lost_reply_is_recognised_under_what_came_on_top(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    store.on("splice", loses_reply_then(lambda: expected.delete("1")))
    assert (compact(compaction).outcome, store.count("splice")) == ("compacted", 1)
    assert expected.stored() == expected.rows


@pytest.mark.parametrize("method", ["head", "get", "put", "read", "stage", "splice"])
def test_a_request_without_an_answer_is_repeated(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction, method: str
) -> None:
    store.on(method, no_reply, loses_reply)
    assert compact(compaction).outcome == "compacted"
    assert (expected.stored(), staged(store)) == (expected.rows, [])


def test_a_conflict_is_waited_out(store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction) -> None:
    store.on("splice", fails_with(WriteConflict()), fails_with(WriteConflict()))
    assert (compact(compaction).outcome, store.count("stage")) == ("compacted", 1)
    assert expected.stored() == expected.rows


def test_when_others_win_every_attempt_nothing_is_changed_and_nothing_left(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    seeds = iter(range(100))
    store.always("splice", after(lambda: expected.add("new", seed=next(seeds))))
    with pytest.raises(Contended):
        compact(compaction)
    assert (expected.stored(), staged(store)) == (expected.rows, [])


def test_when_no_attempt_is_answered_the_outcome_is_unknown(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    store.always("splice", no_reply)
    with pytest.raises(OutcomeUnknown):
        compact(compaction)
    assert (expected.stored(), staged(store)) == (expected.rows, [])


def test_storage_that_takes_no_body_leaves_all_as_it_was(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    store.always("stage", no_reply)
    with pytest.raises(StorageSilent):
        compact(compaction)
    assert (expected.stored(), staged(store)) == (expected.rows, [])


def test_what_cannot_be_removed_does_not_fail_what_was_done(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    store.always("discard", fails_with(StoreRefused("AccessDenied")))
    store.always("delete", no_reply)
    assert compact(compaction).outcome == "compacted"
    assert len(staged(store)) == 2  # the bucket's rule removes them
    assert expected.stored() == expected.rows
