"""Writers that lost a race wait for their turns: one of them commits the changes of all, and each is applied once."""

import time

import msgspec
import pytest
from msgspec import structs

from tests.support import services
from tests.support.scripted_store import (
    Real,
    ScriptedStore,
    Step,
    after,
    fails_with,
    loses_reply,
    no_reply,
    passes_through,
)
from tests.support.services import FOREVER, Clock, vector
from tests.support.turns import A_REQUEST, FIRST, MINE, SOON, adding, ids_in, stored, wait_with, writes_of_index
from tests.support.vectors import item
from vectord.errors import (
    ConditionFailed,
    IndexNotFound,
    OutcomeUnknown,
    PreconditionFailed,
    VectorsNotFound,
    WriteConflict,
)
from vectord.index import mutations
from vectord.index.state import Index
from vectord.service.commit.loop import CommitLoop
from vectord.service.commit.operations import IndexReplaced, OfIndex, pack
from vectord.service.commit.pending import CLOCKS, folder_of
from vectord.service.commit.prepared import Effect
from vectord.service.commit.turns import TAKEOVER
from vectord.service.service import Service
from vectord.service.values.options import Deadline, IdempotencyKey, NewIndex, WriteOptions
from vectord.service.values.selection import ChangeMetadata, Delete, Patch, Selection
from vectord.service.values.validation import Add, AddFiles, FileRows
from vectord.storage.base import Store


def test_a_change_that_lost_a_race_is_committed_by_its_second_write(store: ScriptedStore, lost: Service) -> None:
    assert lost.add("t", [MINE], FOREVER).count == 2
    assert (writes_of_index(store), ids_in(store), stored(store)) == (2, {"first", "mine"}, [])


def test_one_write_commits_the_changes_of_all_that_wait(store: ScriptedStore, lost: Service) -> None:
    wait_with(store, adding("a", "b"), age=3)
    wait_with(store, Delete(Selection(["first"])), age=2)
    wait_with(store, ChangeMetadata(Selection(["a"]), Patch(msgspec.Raw(b'{"x":1}'))), age=1)
    assert lost.add("t", [MINE], FOREVER).count == 3
    assert (writes_of_index(store), ids_in(store)) == (2, {"a", "b", "mine"})
    assert bytes(lost.lookup("t", "a", FOREVER).metadata or b"") == b'{"x":1}'


def test_a_writer_whose_change_was_committed_by_another_one_writes_nothing(
    store: ScriptedStore, lost: Service, other: Service
) -> None:
    def overtaken() -> None:
        other.add("t", [vector("second", 1, 2)], FOREVER)  # the index changes again, so `other` will have to wait, too
        store.on("head", after(lambda: other.add("t", [vector("third", 1, 3)], FOREVER)))

    store.on("put", passes_through, after(overtaken))
    added = lost.add("t", [MINE], SOON)
    assert (added.added, "mine" in ids_in(store), stored(store)) == (1, True, [])


def test_the_changes_of_one_commit_are_in_the_order_in_which_their_writers_began_to_wait(
    store: ScriptedStore, lost: Service
) -> None:
    wait_with(store, Delete(Selection(["a"])), age=5)
    wait_with(store, adding("a"), age=10)
    assert lost.add("t", [MINE], SOON).count == 2


def test_a_change_with_a_precondition_does_not_wait(store: ScriptedStore, lost: Service) -> None:
    etag = lost.describe("t", FOREVER).etag
    with pytest.raises(PreconditionFailed):
        lost.add("t", [MINE], FOREVER, WriteOptions({etag}))
    assert store.requests()["staged"] == 0


def test_a_change_that_is_not_valid_is_refused_alone(store: ScriptedStore, lost: Service) -> None:
    missing = wait_with(store, ChangeMetadata(Selection(["nobody"]), Patch(msgspec.Raw(b"{}"))))
    wait_with(store, adding("a"))
    assert lost.add("t", [MINE], FOREVER).count == 3
    assert f"p:{missing}" in services.a_service(store.inner).reader.open("t").index.applied


def created_again(store: ScriptedStore) -> None:
    """Delete index `t`, and create one of its name."""
    another = services.a_service(store.inner, clock=Clock(ids="again"))
    another.delete_index("t", FOREVER)
    another.create(NewIndex("t", 2), FOREVER)


def identity(store: ScriptedStore) -> str:
    return mutations.identity_of(services.a_service(store.inner).reader.open("t").index)


def test_a_change_for_an_earlier_index_of_the_same_name_is_refused_alone(store: ScriptedStore, lost: Service) -> None:
    wait_with(store, OfIndex(adding("a"), "c:earlier"))
    wait_with(store, OfIndex(adding("b"), identity(store)))
    assert lost.add("t", [MINE], FOREVER).count == 3
    assert ids_in(store) == {"first", "b", "mine"}


@pytest.mark.parametrize("key", [None, IdempotencyKey("k", "0a1b2c3d")])
def test_a_change_for_one_index_is_refused_by_another_that_took_its_name_during_the_commit(
    store: ScriptedStore, service: Service, key: IdempotencyKey | None
) -> None:
    write = WriteOptions(key=key, identity=identity(store))
    store.on("put", after(lambda: created_again(store)))
    with pytest.raises(IndexReplaced):
        service.add("t", [MINE], FOREVER, write)
    assert (ids_in(store), stored(store)) == (set(), [])


def test_a_change_for_one_index_that_lost_a_race_is_committed(store: ScriptedStore, lost: Service) -> None:
    assert lost.add("t", [MINE], FOREVER, WriteOptions(identity=identity(store))).count == 2


def test_files_for_another_index_of_the_same_name_are_refused_alone(store: ScriptedStore, lost: Service) -> None:
    rows = Add(items=[item("a", (1, 1))])
    wait_with(store, AddFiles([FileRows("uploads/t/x.jsonl", "01", rows)], 2, "euclidean"))
    assert lost.add("t", [MINE], FOREVER).count == 2
    assert ids_in(store) == {"first", "mine"}


def test_files_that_wait_are_committed_once(store: ScriptedStore, lost: Service) -> None:
    file = FileRows("uploads/t/x.jsonl", "01", Add(items=[item("a", (1, 1))]))
    for _ in range(2):  # two deliveries of one event, whose functions died
        wait_with(store, AddFiles([file], 2, "cosine"))
    assert lost.add("t", [MINE], FOREVER).count == 3
    outcomes = mutations.outcomes_of(lost.reader.open("t").index.applied)
    assert sorted(outcome for outcome in outcomes.values() if outcome and len(outcome) == 2) == [(0, 0), (1, 0)]


def test_the_writer_of_a_refused_change_gets_its_error(store: ScriptedStore, service: Service, other: Service) -> None:
    other.add("t", [FIRST], FOREVER)
    store.on("put", after(lambda: other.delete("t", Selection(["first"]), FOREVER)))
    with pytest.raises(VectorsNotFound):
        service.patch("t", Selection(["first"]), Patch(msgspec.Raw(b"{}")), FOREVER)
    assert stored(store) == []


def test_a_change_that_another_writer_cannot_read_is_left_to_its_own_writer(
    store: ScriptedStore, lost: Service, other: Service
) -> None:
    def refused() -> None:
        def refuse(index: Index) -> tuple[Index, Effect]:
            outcomes = dict.fromkeys(stored(store))
            return structs.replace(index, applied=mutations.with_outcomes(index.applied, outcomes, set())), ()

        CommitLoop(other.reader).change("t", refuse, FOREVER)

    store.on("staged", after(refused))
    wait_with(store, b"a change in the format of another version")
    assert lost.add("t", [MINE], FOREVER).count == 2


def test_the_change_of_a_dead_writer_is_applied_once(store: ScriptedStore, lost: Service, other: Service) -> None:
    dead = wait_with(store, adding("a"))
    lost.add("t", [MINE], FOREVER)
    other.delete("t", Selection(["a"]), FOREVER)
    store.on("put", after(lambda: services.a_service(store.inner, clock=Clock(ids="third")).add("t", [FIRST], FOREVER)))
    lost.add("t", [MINE], SOON)
    assert (stored(store), "a" in ids_in(store)) == ([dead], False)


def test_a_change_is_not_applied_after_the_deadline_of_its_writer_and_is_deleted(
    store: ScriptedStore, lost: Service
) -> None:
    wait_with(store, adding("a"), age=A_REQUEST + CLOCKS + 1, seconds=A_REQUEST)
    lost.add("t", [MINE], FOREVER)
    assert (ids_in(store), stored(store)) == ({"first", "mine"}, [])


def test_a_change_that_an_earlier_version_stored_expires_after_a_minute(store: ScriptedStore, lost: Service) -> None:
    for vector_id, age in (("a", 59), ("b", 61)):
        name = f"{folder_of('t')}{int((time.time() - age) * 1000):012x}-{'f' * 32}.0"
        store.inner.stage(name, [pack(adding(vector_id))])
    lost.add("t", [MINE], FOREVER)
    assert ids_in(store) == {"first", "mine", "a"}


def test_a_writer_that_waits_for_more_than_a_minute_learns_what_became_of_its_change(store: ScriptedStore) -> None:
    """The function that ingests files has two minutes, and the second writer of an index of 4 GB waits for 80 s."""
    ours, others = Clock(ids="ours"), Clock(ids="others")

    def service(objects: Store, clock: Clock) -> Service:
        environment = structs.replace(clock.environment(), wall=lambda: time.time() + ours.now)
        return services.a_service(objects, environment=environment)

    other = service(store.inner, others)

    def a_minute_later() -> None:
        ours.now += 70
        others.now += 5
        wait_with(store, adding("new"), age=-70)  # in a streak of changes a writer looks for such ones
        other.add("t", [vector("second", 1, 2)], FOREVER)

    wait_with(store, adding("dead"), seconds=120)  # so that ours waits for its turn
    store.on("put", after(lambda: other.add("t", [FIRST], FOREVER)))
    store.on("head", passes_through, passes_through, after(a_minute_later))
    assert service(store, ours).add("t", [MINE], Deadline(120)).added == 1
    assert (ids_in(store) >= {"mine", "second"}, ours.now < 75) == (True, True)


def test_an_outcome_is_recorded_while_its_change_is_stored(store: ScriptedStore, lost: Service) -> None:
    change = wait_with(store, adding("a"))
    lost.add("t", [MINE], FOREVER)
    index = lost.reader.open("t").index
    assert f"p:{change}:1:0:2" in index.applied


def test_a_writer_waits_for_those_before_it_and_then_takes_over(store: ScriptedStore, lost: Service) -> None:
    wait_with(store, adding("a"), age=2)
    wait_with(store, adding("b"), age=1)
    start = lost.environment.now()
    assert lost.add("t", [MINE], FOREVER).count == 4
    assert TAKEOVER + 0.5 <= lost.environment.now() - start < TAKEOVER + 1


def test_a_change_that_still_waits_at_the_deadline_has_an_unknown_outcome_and_is_withdrawn(
    store: ScriptedStore, lost: Service
) -> None:
    for number in range(8):
        wait_with(store, adding(f"{number}"))
    with pytest.raises(OutcomeUnknown):
        lost.add("t", [MINE], SOON)
    assert len(stored(store)) == 8


def test_a_change_whose_storing_got_no_answer_cannot_appear_later(store: ScriptedStore, lost: Service) -> None:
    late: list[Real] = []

    def delayed(real: Real) -> None:
        late.append(real)
        no_reply(real)

    store.on("put", delayed)
    assert lost.add("t", [MINE], SOON).count == 2
    with pytest.raises(ConditionFailed):
        late.pop()()


@pytest.mark.parametrize("answer", [no_reply, fails_with(WriteConflict())], ids=["no answer", "conflict"])
def test_a_change_that_cannot_be_cancelled_has_an_unknown_outcome(
    store: ScriptedStore, lost: Service, answer: Step
) -> None:
    store.on("put", loses_reply)
    store.always("stage", answer)
    with pytest.raises(OutcomeUnknown):
        lost.add("t", [MINE], SOON)


def test_a_new_index_gets_no_change_of_an_earlier_one(store: ScriptedStore, service: Service, other: Service) -> None:
    wait_with(store, adding("a"))
    other.delete_index("t", FOREVER)
    other.create(NewIndex("t", 2), FOREVER)
    store.on("put", after(lambda: other.add("t", [FIRST], FOREVER)))
    assert service.add("t", [MINE], FOREVER).count == 2


@pytest.mark.parametrize("answer", [no_reply, fails_with(WriteConflict())], ids=["no answer", "conflict"])
def test_a_change_of_an_earlier_index_is_deleted_again_if_its_deletion_fails(
    store: ScriptedStore, service: Service, answer: Step
) -> None:
    service.delete_index("t", FOREVER)
    wait_with(store, adding("a"))
    store.on("discard", answer)
    service.create(NewIndex("t", 2), FOREVER)
    assert stored(store) == []


def test_a_waiting_writer_learns_that_the_index_was_deleted(
    store: ScriptedStore, lost: Service, other: Service
) -> None:
    store.on("staged", after(lambda: other.delete_index("t", FOREVER)))
    with pytest.raises(IndexNotFound):
        lost.add("t", [MINE], FOREVER)
    assert stored(store) == []
