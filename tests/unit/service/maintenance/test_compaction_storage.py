"""A compaction whose storage loses replies, conflicts or refuses loses nothing, and leaves nothing behind."""

import pytest

from tests.support.compacting import Kept, a_compaction, compact, staged
from tests.support.stores import ScriptedStore, after, answers, loses_reply, loses_reply_then, silence
from vectord.errors import Contended, OutcomeUnknown, StorageSilent, StoreRefused, WriteConflict
from vectord.service.maintenance.compaction import Compaction


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore(least_part=1)


@pytest.fixture
def kept(store: ScriptedStore) -> Kept:
    return Kept(store.inner)


@pytest.fixture
def compaction(store: ScriptedStore, kept: Kept) -> Compaction:
    assert kept
    return a_compaction(store)


def test_a_lost_reply_to_the_commit_is_recognised(store: ScriptedStore, kept: Kept, compaction: Compaction) -> None:
    store.on("splice", loses_reply)
    assert (compact(compaction).outcome, store.count("splice")) == ("compacted", 1)
    assert kept.found() == kept.held


def test_a_lost_reply_is_recognised_under_what_came_on_top(
    store: ScriptedStore, kept: Kept, compaction: Compaction
) -> None:
    store.on("splice", loses_reply_then(lambda: kept.delete("1")))
    assert (compact(compaction).outcome, store.count("splice")) == ("compacted", 1)
    assert kept.found() == kept.held


@pytest.mark.parametrize("method", ["head", "get", "put", "read", "stage", "splice"])
def test_a_request_without_an_answer_is_repeated(
    store: ScriptedStore, kept: Kept, compaction: Compaction, method: str
) -> None:
    store.on(method, silence, loses_reply)
    assert compact(compaction).outcome == "compacted"
    assert (kept.found(), staged(store)) == (kept.held, [])


def test_a_conflict_is_waited_out(store: ScriptedStore, kept: Kept, compaction: Compaction) -> None:
    store.on("splice", answers(WriteConflict()), answers(WriteConflict()))
    assert (compact(compaction).outcome, store.count("stage")) == ("compacted", 1)
    assert kept.found() == kept.held


def test_when_others_win_every_attempt_nothing_is_changed_and_nothing_left(
    store: ScriptedStore, kept: Kept, compaction: Compaction
) -> None:
    seeds = iter(range(100))
    store.always("splice", after(lambda: kept.add("new", seed=next(seeds))))
    with pytest.raises(Contended):
        compact(compaction)
    assert (kept.found(), staged(store)) == (kept.held, [])


def test_when_no_attempt_is_answered_the_outcome_is_unknown(
    store: ScriptedStore, kept: Kept, compaction: Compaction
) -> None:
    store.always("splice", silence)
    with pytest.raises(OutcomeUnknown):
        compact(compaction)
    assert (kept.found(), staged(store)) == (kept.held, [])


def test_storage_that_takes_no_body_leaves_all_as_it_was(
    store: ScriptedStore, kept: Kept, compaction: Compaction
) -> None:
    store.always("stage", silence)
    with pytest.raises(StorageSilent):
        compact(compaction)
    assert (kept.found(), staged(store)) == (kept.held, [])


def test_what_cannot_be_removed_does_not_fail_what_was_done(
    store: ScriptedStore, kept: Kept, compaction: Compaction
) -> None:
    store.always("discard", answers(StoreRefused("AccessDenied")))
    store.always("delete", silence)
    assert compact(compaction).outcome == "compacted"
    assert len(staged(store)) == 2  # the bucket's rule removes them
    assert kept.found() == kept.held
