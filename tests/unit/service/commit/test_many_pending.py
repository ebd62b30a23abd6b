"""More pending changes than one commit takes: each is applied once, by one commit or the next, in their order."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
import pytest

from tests.support import services
from tests.support.scripted_store import ScriptedStore
from tests.support.services import FOREVER, Clock, vector
from tests.support.turns import A_REQUEST
from vectord.index import mutations
from vectord.readers.matrix import EntryMatrix
from vectord.service.commit.idempotency import Keyed
from vectord.service.commit.operations import pack
from vectord.service.commit.pending import PendingChanges, folder_of, pending_change
from vectord.service.commit.prepared import Operation
from vectord.service.commit.turns import TAKEOVER
from vectord.service.service import Service
from vectord.service.values.environment import Environment
from vectord.service.values.options import Deadline, IdempotencyKey, WriteOptions
from vectord.service.values.validation import Add

MANY, OF_A_COMMIT = 260, 128  # more than the keys that an index remembers


def adding(vector_id: str) -> Add:
    return Add([vector(vector_id, 1, 1)])


def keyed(number: int) -> IdempotencyKey:
    return IdempotencyKey(f"key {number}", f"{number:08x}")


def wait_with(store: ScriptedStore, operations: list[Operation]) -> None:
    """Store changes as writers do that begin to wait one after the other, and then die."""
    start = time.time() - 30
    for number, operation in enumerate(operations):
        moment = start + number / 1_000
        pending = PendingChanges(store.inner, Environment(wall=lambda moment=moment: moment))  # type: ignore[misc]
        store.inner.stage(pending_change("t", pending.new_id(A_REQUEST), 0).object, [pack(operation)])


def ids_in(store: ScriptedStore) -> set[str]:
    index = services.a_service(store.inner).reader.open("t").index
    return set(index.rows.ids)


def a_writer(store: ScriptedStore, name: str) -> Service:
    return services.a_service(store.inner, clock=Clock(ids=name))


def test_a_commit_takes_the_first_of_them_and_the_writers_own(store: ScriptedStore, lost: Service) -> None:
    wait_with(store, [adding(str(number)) for number in range(MANY)])
    lost.add("t", [vector("mine", 1, 1)], FOREVER)
    assert ids_in(store) == {"first", "mine", *map(str, range(OF_A_COMMIT))}


@pytest.mark.parametrize("with_keys", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_next_writers_commit_the_others_and_each_is_applied_once(
    store: ScriptedStore, lost: Service, with_keys: bool
) -> None:
    plain: list[Operation] = [adding(str(number)) for number in range(MANY)]
    wait_with(store, [Keyed(one, keyed(at)) for at, one in enumerate(plain)] if with_keys else plain)
    lost.add("t", [vector("mine", 1, 1)], FOREVER)
    for name in ("second", "third"):
        a_writer(store, name).add("t", [vector(name, 1, 1)], FOREVER)
    assert ids_in(store) == {"first", "mine", "second", "third", *map(str, range(MANY))}
    outcomes = mutations.outcomes_of(services.a_service(store.inner).reader.open("t").index.applied)
    assert sorted(outcome[:2] for outcome in outcomes.values() if outcome) == [(1, 0)] * len(outcomes)
    assert len(outcomes) >= MANY


def test_a_writer_behind_many_that_died_commits_within_the_time_of_a_request(
    store: ScriptedStore, lost: Service
) -> None:
    wait_with(store, [adding(str(number)) for number in range(MANY)])
    start = lost.environment.now()
    lost.add("t", [vector("mine", 1, 1)], Deadline(start + 20))
    assert TAKEOVER + 8 <= lost.environment.now() - start < 12


@pytest.mark.slow
def test_of_large_changes_each_commit_takes_one_and_waits_for_its_bytes(store: ScriptedStore, lost: Service) -> None:
    rows, metadata = 1_000, msgspec.Raw(b'"%b"' % (b"x" * 26_000))  # more than a commit takes beside its first change
    vectors = np.ones((rows, 2), np.float32)
    wait_with(
        store, [Add(EntryMatrix([f"{one}{row}" for row in range(rows)], vectors, [metadata] * rows)) for one in "abc"]
    )
    start = lost.environment.now()
    lost.add("t", [vector("mine", 1, 1)], FOREVER)
    assert {vector_id[0] for vector_id in ids_in(store)} == {*"fma"}
    assert lost.environment.now() - start > TAKEOVER + 2 * 0.5 + 26_000_000 / 50_000_000
    for name in ("second", "third"):
        a_writer(store, name).add("t", [vector(name, 1, 1)], FOREVER)
    assert Counter(vector_id[0] for vector_id in ids_in(store)) == {
        **dict.fromkeys("fmst", 1),
        **dict.fromkeys("abc", rows),
    }


@pytest.mark.slow
def test_many_living_writers_are_all_answered(store: ScriptedStore) -> None:
    def write(number: int) -> tuple[int, int]:
        service = services.a_service(store.inner, environment=Environment())
        soon = Deadline(service.environment.now() + 120)
        added = service.add("t", [vector(str(number), 1, 1)], soon, WriteOptions(key=keyed(number)))
        return added.added, added.replaced

    with ThreadPoolExecutor(MANY) as pool:
        assert list(pool.map(write, range(MANY))) == [(1, 0)] * MANY
    assert ids_in(store) == set(map(str, range(MANY)))
    assert store.inner.staged(folder_of("t")) == []
