"""Writers of index `t` that wait for their turns: the changes that they stored, and what was committed of them."""

import time

from tests.support import services
from tests.support.scripted_store import ScriptedStore
from tests.support.services import FOREVER, vector
from vectord.service.commit.operations import pack
from vectord.service.commit.pending import PendingChanges, folder_of, pending_change
from vectord.service.commit.prepared import Operation
from vectord.service.values.environment import Environment
from vectord.service.values.options import Deadline
from vectord.service.values.validation import Add

SOON = Deadline(5.0)
A_REQUEST = 20.0  # seconds
FIRST, MINE = vector("first", 3, 4), vector("mine", 1, 1)


def adding(*ids: str) -> Add:
    return Add([vector(one, 1, number + 1) for number, one in enumerate(ids)])


def ids_in(store: ScriptedStore) -> set[str]:
    found = services.a_service(store.inner).search("t", services.a_query(MINE.vector, 1_000), FOREVER)
    return {match.id for match in found.answer.matches}


def wait_with(
    store: ScriptedStore, operation: Operation | bytes, *, age: float = 1.0, seconds: float = A_REQUEST
) -> str:
    """Store a change as a writer does that began to wait `age` seconds ago, for `seconds`, and dies; return its id."""
    pending = PendingChanges(store.inner, Environment(wall=lambda: time.time() - age))
    change = pending_change("t", pending.new_id(seconds), 0)
    store.inner.stage(change.object, [operation if isinstance(operation, bytes) else pack(operation)])
    return change.id


def stored(store: ScriptedStore) -> list[str]:
    """Return the ids of the changes that wait."""
    return [one.name.rpartition("/")[2].partition(".")[0] for one in store.inner.staged(folder_of("t"))]


def writes_of_index(store: ScriptedStore) -> int:
    return store.calls.count(("put", "t"))
