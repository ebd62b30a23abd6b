"""A compaction builds the tail into a new graph and loses no concurrent change."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.compactions import (
    DIMENSION,
    SIZES,
    ExpectedIndex,
    a_compaction,
    a_writer,
    compact,
    index,
    staged,
    vectors,
)
from tests.support.scripted_store import Real, ScriptedStore, after
from tests.support.services import FOREVER, Clock, a_service
from vectord.index.thresholds import Thresholds, build_is_due
from vectord.lhv1.params import Embedding
from vectord.service.maintenance.compaction import Compacted, Compaction
from vectord.service.values.options import NewIndex
from vectord.service.values.selection import Selection
from vectord.storage.base import IfAbsent, StoredObject

METHODS = ("get", "etag", "put", "head", "read", "splice", "stage", "discard", "delete")


def test_the_tail_is_built_into_the_graph(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    assert build_is_due(index(store), SIZES)
    done = compact(compaction)
    left = index(store)
    assert (done.outcome, done.rows, done.size) == ("compacted", len(expected.rows), left.size)
    assert (left.base_rows, len(left.tail), len(left.removed)) == (len(expected.rows), 0, 0)
    assert expected.stored() == expected.rows


@pytest.mark.parametrize("sizes", [SIZES, replace(SIZES, packed=1 << 20)], ids=["packed", "plain"])
def test_a_compaction_keeps_the_embedding_model(sizes: Thresholds) -> None:
    embedding = Embedding("e5", "query: ", "passage: ")
    store = ScriptedStore(least_part=1)
    writer = a_writer(store)
    writer.create(NewIndex("t", DIMENSION, embedding=embedding), FOREVER)
    writer.add("t", vectors(*map(str, range(20))), FOREVER)
    writer.add("t", vectors(*map(str, range(10, 40)), seed=1), FOREVER)
    assert compact(a_compaction(store, sizes=sizes)).outcome == "compacted"
    assert index(store).params.embedding == embedding
    assert writer.describe("t", FOREVER).params.embedding == embedding


def test_staged_objects_are_removed(store: ScriptedStore, compaction: Compaction) -> None:
    compact(compaction)
    assert staged(store) == []


def test_an_index_that_needs_no_compaction_costs_one_request(store: ScriptedStore, compaction: Compaction) -> None:
    compact(compaction)
    before, etag = store.requests(), store.inner.etag("t")
    assert compact(compaction) == Compacted("idle")
    assert store.requests() - before == {"head": 1}
    assert store.inner.etag("t") == etag


def test_a_missing_index_is_reported_as_gone(store: ScriptedStore) -> None:
    assert compact(a_compaction(store)) == Compacted("gone")
    assert staged(store) == []


def test_an_index_below_the_packed_threshold_is_written_whole(store: ScriptedStore, expected: ExpectedIndex) -> None:
    done = compact(a_compaction(store, sizes=replace(SIZES, packed=1 << 20)))
    left = index(store)
    assert (done.outcome, done.rows, done.size, store.count("stage")) == ("compacted", len(expected.rows), left.size, 0)
    assert left.base is not None
    assert not left.base.packed
    assert expected.stored() == expected.rows


# ---- concurrent changes


def before_call(store: ScriptedStore, number: int, meanwhile: Callable[[], Any]) -> None:
    """Run `meanwhile` before the call of that number to the store. It is also the moment after the previous call."""

    def step(real: Real) -> Any:
        if len(store.calls) - 1 == number:
            meanwhile()
        return real()

    for method in METHODS:
        store.always(method, step)


CHANGES: dict[str, Callable[[ExpectedIndex], None]] = {
    "add": lambda expected: expected.add("new1", "new2", seed=2),
    "replace": lambda expected: expected.add("1", "3", "late1", seed=3),
    "delete": lambda expected: expected.delete("2", "4", "late2"),
    "delete-and-add-again": lambda expected: (expected.delete("1", "late3"), expected.add("1", "late3", seed=4))[-1],
    "add-and-delete": lambda expected: (expected.add("brief", seed=5), expected.delete("brief"))[-1],
    "delete-all": lambda expected: expected.delete(*expected.rows),
}
CALLS = 17  # of a compaction without concurrent changes


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("call", range(CALLS))
@pytest.mark.slow
def test_no_concurrent_change_is_lost_or_applied_twice(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction, call: int, change: str
) -> None:
    before_call(store, call, lambda: CHANGES[change](expected))
    emptied = {"overtaken"} if change == "delete-all" else set()  # an empty index has no graph to build upon
    assert compact(compaction).outcome in {"compacted", "idle"} | emptied
    assert (expected.stored(), staged(store)) == (expected.rows, [])


def test_the_race_test_covers_every_request_of_a_compaction(store: ScriptedStore, compaction: Compaction) -> None:
    compact(compaction)
    assert len(store.calls) <= CALLS


def test_changes_before_each_commit_attempt_are_included(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    store.on("splice", *(after(lambda i=i: expected.add(f"n{i}", f"{i}", seed=i + 9)) for i in range(4)))
    assert compact(compaction).outcome == "compacted"
    assert (store.count("stage"), expected.stored()) == (1, expected.rows)


def test_a_concurrent_restore_is_kept(store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction) -> None:
    earlier, held = store.inner.get("t"), dict(expected.rows)
    assert isinstance(earlier, StoredObject)
    expected.delete("1", "late1")
    expected.add("2", "late2", "new", seed=8)

    def restore() -> None:
        store.inner._objects.pop("t")
        store.inner.put("t", earlier.data, IfAbsent(), "by hand")

    store.on("splice", after(restore))
    assert compact(compaction).outcome == "compacted"
    assert expected.stored() == held


def test_concurrent_uploads_stay_recorded(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    store.on("stage", after(lambda: expected.add("new", seed=2)))
    before = index(store).applied
    compact(compaction)
    assert set(before) < set(index(store).applied)
    assert len(index(store).applied) == len(before) + 2


def test_many_concurrent_changes_cause_a_second_build(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    store.on("stage", after(lambda: expected.add(*(f"n{i}" for i in range(9)), seed=2)))
    assert compact(compaction).rows == len(expected.rows)
    assert (store.count("stage"), len(index(store).tail)) == (2, 0)


@pytest.mark.parametrize(("took", "builds"), [(266.0, 2), (267.0, 1)])
def test_a_second_build_starts_only_if_enough_time_remains(
    store: ScriptedStore, expected: ExpectedIndex, took: float, builds: int
) -> None:
    clock = Clock(ids="compaction")

    def meanwhile() -> None:
        clock.now = took
        expected.add(*(f"n{i}" for i in range(9)), seed=2)

    store.on("stage", after(meanwhile))
    assert compact(a_compaction(store, clock=clock)).outcome == "compacted"  # 800 seconds are given
    assert (store.count("stage"), expected.stored()) == (builds, expected.rows)


def test_a_build_committed_concurrently_wins(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    builder = a_service(store.inner, sizes=SIZES)
    store.on("stage", after(lambda: builder.delete("t", Selection(["1"]), FOREVER)))
    assert compact(compaction) == Compacted("overtaken")
    expected.rows.pop("1")
    assert (expected.stored(), staged(store), store.count("splice")) == (expected.rows, [], 0)


def test_an_index_deleted_concurrently_is_not_recreated(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    store.on("splice", after(lambda: expected.writer.delete_index("t", FOREVER)))
    assert compact(compaction) == Compacted("gone")
    assert store.inner._objects == {}


@pytest.mark.parametrize("rows", [0, 20])
def test_an_index_recreated_concurrently_is_not_changed(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction, rows: int
) -> None:
    def recreate() -> None:
        expected.writer.delete_index("t", FOREVER)
        expected.writer.create(NewIndex("t", DIMENSION), FOREVER)
        expected.rows.clear()
        if rows:
            expected.add(*map(str, range(rows)), seed=7)

    store.on("splice", after(recreate))
    assert compact(compaction) == Compacted("overtaken")
    assert (expected.stored(), staged(store)) == (expected.rows, [])
