"""A compaction takes what is there into a new graph, and loses nothing of what happens while it runs."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.compacting import DIMENSION, SIZES, Kept, a_compaction
from tests.support.stores import (
    Real,
    ScriptedStore,
    after,
    answers,
    loses_reply,
    loses_reply_then,
    silence,
)
from tests.support.worlds import FOREVER, Clock, a_service
from vectord import index as ix
from vectord.errors import Contended, OutcomeUnknown, StorageSilent, StoreRefused, WriteConflict
from vectord.index import Index
from vectord.service import Patience
from vectord.service.claims import Claims
from vectord.service.compaction import Compacted, Compaction
from vectord.stores import STAGING, Fetched, IfAbsent

METHODS = ("get", "etag", "put", "head", "read", "splice", "stage", "discard", "delete")


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


def compact(compaction: Compaction, holder: str = "request") -> Compacted:
    return compaction.compact("t", holder, 800.0)


def index(store: ScriptedStore) -> Index:
    found = store.inner.get("t")
    assert isinstance(found, Fetched)
    return ix.open_blob(found.data)


def staged(store: ScriptedStore) -> list[str]:
    return [name for name in store.inner._objects if name.startswith(STAGING)]


def test_what_was_due_is_built_into_the_graph(store: ScriptedStore, kept: Kept, compaction: Compaction) -> None:
    assert ix.is_due(index(store), SIZES)
    done = compact(compaction)
    left = index(store)
    assert (done.outcome, done.rows, done.size) == ("compacted", len(kept.held), left.size)
    assert (left.covered, len(left.tail), len(left.removed)) == (len(kept.held), 0, 0)
    assert kept.found() == kept.held


def test_it_leaves_nothing_behind(store: ScriptedStore, compaction: Compaction) -> None:
    compact(compaction)
    assert staged(store) == []


def test_an_index_that_is_not_due_costs_one_request(store: ScriptedStore, compaction: Compaction) -> None:
    compact(compaction)
    before, etag = len(store.calls), store.inner.etag("t")
    assert compact(compaction) == Compacted("idle")
    assert [call[0] for call in store.calls[before:]] == ["head"]
    assert store.inner.etag("t") == etag


def test_an_index_that_is_not_there_is_gone(store: ScriptedStore) -> None:
    assert compact(a_compaction(store)) == Compacted("gone")
    assert staged(store) == []


def test_an_index_too_small_to_be_packed_by_now_is_written_whole(store: ScriptedStore, kept: Kept) -> None:
    done = compact(a_compaction(store, sizes=replace(SIZES, packed=1 << 20)))
    left = index(store)
    assert (done.outcome, done.rows, done.size, store.count("stage")) == ("compacted", len(kept.held), left.size, 0)
    assert left.base is not None
    assert not left.base.packed
    assert kept.found() == kept.held


# ---- what others do meanwhile


def at(store: ScriptedStore, number: int, meanwhile: Callable[[], Any], *, before: bool) -> None:
    """Let `meanwhile` happen before or after the call of that number, whichever method that is."""

    def step(real: Real) -> Any:
        if len(store.calls) - 1 != number:
            return real()
        if before:
            meanwhile()
            return real()
        done = real()
        meanwhile()
        return done

    for method in METHODS:
        store.always(method, step)


CHANGES: dict[str, Callable[[Kept], None]] = {
    "add": lambda kept: kept.add("new1", "new2", seed=2),
    "replace": lambda kept: kept.add("1", "3", "late1", seed=3),
    "delete": lambda kept: kept.delete("2", "4", "late2"),
    "delete-and-add-again": lambda kept: (kept.delete("1", "late3"), kept.add("1", "late3", seed=4))[-1],
    "add-and-delete": lambda kept: (kept.add("brief", seed=5), kept.delete("brief"))[-1],
    "delete-all": lambda kept: kept.delete(*kept.held),
}
CALLS = 16  # more than an undisturbed compaction makes


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("moment", range(2 * CALLS))
def test_no_change_is_lost_or_doubled_whenever_it_comes(
    store: ScriptedStore, kept: Kept, compaction: Compaction, moment: int, change: str
) -> None:
    at(store, moment // 2, lambda: CHANGES[change](kept), before=moment % 2 == 0)
    emptied = {"overtaken"} if change == "delete-all" else set()  # an empty index has no graph to build upon
    assert compact(compaction).outcome in {"compacted", "idle"} | emptied
    assert (kept.found(), staged(store)) == (kept.held, [])


def test_an_undisturbed_compaction_makes_no_more_calls_than_are_tried(
    store: ScriptedStore, compaction: Compaction
) -> None:
    compact(compaction)
    assert len(store.calls) < CALLS


def test_changes_before_every_attempt_to_commit_are_carried_over(
    store: ScriptedStore, kept: Kept, compaction: Compaction
) -> None:
    store.on("splice", *(after(lambda i=i: kept.add(f"n{i}", f"{i}", seed=i + 9)) for i in range(4)))
    assert compact(compaction).outcome == "compacted"
    assert (store.count("stage"), kept.found()) == (1, kept.held)


def test_a_state_that_somebody_restored_meanwhile_is_kept(
    store: ScriptedStore, kept: Kept, compaction: Compaction
) -> None:
    earlier, held = store.inner.get("t"), dict(kept.held)
    assert isinstance(earlier, Fetched)
    kept.delete("1", "late1")
    kept.add("2", "late2", "new", seed=8)

    def restore() -> None:
        store.inner._objects.pop("t")
        store.inner.put("t", earlier.data, IfAbsent(), "by hand")

    store.on("splice", after(restore))
    assert compact(compaction).outcome == "compacted"
    assert kept.found() == held


def test_uploads_that_came_meanwhile_stay_on_record(store: ScriptedStore, kept: Kept, compaction: Compaction) -> None:
    store.on("stage", after(lambda: kept.add("new", seed=2)))
    before = index(store).applied
    compact(compaction)
    assert set(before) < set(index(store).applied)
    assert len(index(store).applied) == len(before) + 2


def test_if_enough_came_meanwhile_it_is_built_once_more(
    store: ScriptedStore, kept: Kept, compaction: Compaction
) -> None:
    store.on("stage", after(lambda: kept.add(*(f"n{i}" for i in range(9)), seed=2)))
    assert compact(compaction).rows == len(kept.held)
    assert (store.count("stage"), len(index(store).tail)) == (2, 0)


@pytest.mark.parametrize(("took", "builds"), [(266.0, 2), (267.0, 1)])
def test_it_is_built_once_more_only_where_there_is_time_for_that(
    store: ScriptedStore, kept: Kept, took: float, builds: int
) -> None:
    clock = Clock(ids="compaction")

    def meanwhile() -> None:
        clock.now = took
        kept.add(*(f"n{i}" for i in range(9)), seed=2)

    store.on("stage", after(meanwhile))
    assert compact(a_compaction(store, clock=clock)).outcome == "compacted"  # 800 seconds are given
    assert (store.count("stage"), kept.found()) == (builds, kept.held)


def test_another_build_that_was_committed_meanwhile_wins(
    store: ScriptedStore, kept: Kept, compaction: Compaction
) -> None:
    builder = a_service(store.inner, sizes=SIZES)
    store.on("stage", after(lambda: builder.delete_vectors("t", ["1"], FOREVER)))
    assert compact(compaction) == Compacted("overtaken")
    kept.held.pop("1")
    assert (kept.found(), staged(store), store.count("splice")) == (kept.held, [], 0)


def test_an_index_deleted_meanwhile_is_not_created_again(
    store: ScriptedStore, kept: Kept, compaction: Compaction
) -> None:
    store.on("splice", after(lambda: kept.writer.delete_index("t", FOREVER)))
    assert compact(compaction) == Compacted("gone")
    assert store.inner._objects == {}


@pytest.mark.parametrize("rows", [0, 20])
def test_an_index_deleted_and_created_anew_meanwhile_is_left_alone(
    store: ScriptedStore, kept: Kept, compaction: Compaction, rows: int
) -> None:
    def anew() -> None:
        kept.writer.delete_index("t", FOREVER)
        kept.writer.create("t", DIMENSION, until=FOREVER)
        kept.held.clear()
        if rows:
            kept.add(*map(str, range(rows)), seed=7)

    store.on("splice", after(anew))
    assert compact(compaction) == Compacted("overtaken")
    assert (kept.found(), staged(store)) == (kept.held, [])


# ---- what storage does


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


# ---- two at once, and one that dies


class Killed(BaseException):
    """The process ends here."""


def killed(_: Real) -> Any:
    raise Killed


def test_of_two_at_once_one_leaves_at_once(store: ScriptedStore, kept: Kept, compaction: Compaction) -> None:
    others = []
    store.on("stage", after(lambda: others.append(compact(a_compaction(store.inner, ids="other"), "another request"))))
    assert (compact(compaction).outcome, others) == ("compacted", [Compacted("busy")])
    assert (kept.found(), staged(store)) == (kept.held, [])


def test_of_two_that_claim_at_once_one_leaves(store: ScriptedStore, kept: Kept, compaction: Compaction) -> None:
    others = []
    store.on("put", after(lambda: others.append(compact(a_compaction(store.inner, ids="other"), "another request"))))
    assert (compact(compaction), [one.outcome for one in others]) == (Compacted("idle"), ["compacted"])
    assert (kept.found(), store.count("stage")) == (kept.held, 0)


def test_two_that_both_hold_a_claim_do_no_harm(store: ScriptedStore, kept: Kept, compaction: Compaction) -> None:
    others = []
    late = a_compaction(store.inner, ids="other", now=10_000.0)  # by a calendar on which the first claim has ended
    store.on("stage", after(lambda: others.append(compact(late, "another request").outcome)))
    assert (compact(compaction), others) == (Compacted("overtaken"), ["compacted"])
    assert (kept.found(), staged(store)) == (kept.held, [])


@pytest.mark.parametrize("method", ["read", "stage", "splice", "discard"])
def test_after_one_that_was_killed_another_comes_once_the_claim_has_ended(
    store: ScriptedStore, kept: Kept, method: str
) -> None:
    dying = ScriptedStore(least_part=1)
    dying.inner = store.inner
    dying.on(method, killed)
    dying.always("discard", killed)
    dying.always("delete", killed)
    with pytest.raises(Killed):
        compact(a_compaction(dying))
    assert kept.found() == kept.held
    assert compact(a_compaction(store, ids="soon", now=859.0), "another request").outcome in {"busy", "idle"}
    kept.add(*(f"n{i}" for i in range(9)), seed=2)
    assert compact(a_compaction(store, ids="later", now=861.0), "another request").outcome == "compacted"
    assert kept.found() == kept.held


def test_a_request_that_lambda_repeats_after_its_death_takes_over_from_itself(store: ScriptedStore, kept: Kept) -> None:
    dying = ScriptedStore(least_part=1)
    dying.inner = store.inner
    for method in ("stage", "discard", "delete"):
        dying.always(method, killed)
    with pytest.raises(Killed):
        compact(a_compaction(dying), "request")
    assert compact(a_compaction(store, ids="again"), "request").outcome == "compacted"
    assert kept.found() == kept.held


def test_a_claim_that_nobody_can_read_is_taken_over(store: ScriptedStore, kept: Kept, compaction: Compaction) -> None:
    store.inner.put(f"{STAGING}t.claim", b"not a claim", IfAbsent(), "by hand")
    assert compact(compaction).outcome == "compacted"
    assert (kept.found(), staged(store)) == (kept.held, [])


def test_a_claim_of_another_holder_is_never_removed(store: ScriptedStore, compaction: Compaction) -> None:
    later = Claims(store.inner, Clock(ids="later").world(), Patience(), clock=lambda: 10_000.0)
    with ExitStack() as others:
        store.on("stage", after(lambda: others.enter_context(later.held("t", "another request", 900.0, FOREVER))))
        assert compact(compaction).outcome == "compacted"
        assert staged(store) == [f"{STAGING}t.claim"]


def test_of_two_that_take_over_an_ended_claim_one_leaves(store: ScriptedStore, compaction: Compaction) -> None:
    claims = Claims(store.inner, Clock(ids="ended").world(), Patience(), clock=lambda: -10_000.0)
    with ExitStack() as others:
        others.enter_context(claims.held("t", "a request that died", 900.0, FOREVER))

        def read_and_be_late(real: Real) -> Any:
            found = real()
            faster = Claims(store.inner, Clock(ids="faster").world(), Patience(), clock=lambda: 0.0)
            others.enter_context(faster.held("t", "another request", 900.0, FOREVER))
            return found

        store.on("get", read_and_be_late)
        assert compact(compaction) == Compacted("busy")
