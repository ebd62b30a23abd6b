"""Many writers of one index, some of which die at any request: no change is lost, and none is applied twice."""

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support import services
from tests.support.scripted_store import Real, ScriptedStore, Step
from tests.support.services import FOREVER, vector
from vectord.errors import Unavailable
from vectord.service.service import Service
from vectord.service.values.environment import Environment
from vectord.service.values.options import Deadline, NewIndex
from vectord.service.values.selection import Selection
from vectord.storage.memory import MemoryStore

WRITERS, CHANGES = 8, 25
SPEED = 20  # time passes this much faster, so that the takeover from a dead writer takes a tenth of a second
KILLS = 0.01  # of requests
LATENCY = 0.004  # seconds of real time that a request takes at most
SEED = int(os.environ.get("VECTORD_SEED", "0"))


class Killed(BaseException):
    """The process of a writer dies."""


def dies_sometimes(chance: random.Random) -> Step:
    """Return a step for each request of a process, which dies at some of them, before or after they were executed."""
    dead = False

    def perhaps_die() -> None:
        nonlocal dead
        dead = dead or chance.random() < KILLS
        if dead:
            raise Killed

    def step(real: Real) -> Any:
        perhaps_die()
        time.sleep(chance.uniform(0, LATENCY))
        result = real()
        perhaps_die()
        return result

    return step


def a_writer(store: MemoryStore, seed: int) -> Service:
    mortal = ScriptedStore(store)
    step = dies_sometimes(random.Random(seed))
    for method in ("head", "put", "get", "staged", "discard", "stage"):
        mortal.always(method, step)
    fast = Environment(now=lambda: SPEED * time.monotonic(), sleep=lambda seconds: time.sleep(seconds / SPEED))
    return services.a_service(mortal, environment=fast)


def outcome_of(call: Callable[[], int]) -> str:
    """Call what changes both vectors of a pair, and return what its caller knows."""
    try:
        return "done" if call() == 2 else "applied twice"
    except Killed:
        return "killed"
    except Unavailable:
        return "unknown"


def write(store: MemoryStore, writer: int) -> list[tuple[str, str, str]]:
    """Add pairs of vectors and delete those of every second pair; return each pair with its two outcomes."""
    outcomes = []
    for number in range(CHANGES):
        service, pair = a_writer(store, SEED + 1_000 * writer + number), f"{writer}-{number}"
        rows = [vector(f"{pair}-a", 1, number + 1), vector(f"{pair}-b", 1, number + 1)]
        soon = Deadline(service.environment.now() + 30)
        added = outcome_of(lambda: service.add("t", rows, soon).added)  # noqa: B023 - called at once
        deleted = "not sent"
        if number % 2 and added == "done":
            ids = Selection([row.id for row in rows])
            deleted = outcome_of(lambda: service.delete("t", ids, soon).deleted)  # noqa: B023 - called at once
        outcomes.append((pair, added, deleted))
    return outcomes


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # a death in a thread that helps
def test_acknowledged_changes_are_applied_once_and_others_as_a_whole_or_not_at_all() -> None:
    store = MemoryStore()
    services.a_service(store).create(NewIndex("t", 2), FOREVER)
    with ThreadPoolExecutor(WRITERS) as pool:
        outcomes = [one for done in pool.map(lambda writer: write(store, writer), range(WRITERS)) for one in done]
    found = services.a_service(store).search("t", services.a_query(vector("", 1, 1).vector, 1_000), FOREVER)
    present = {match.id for match in found.answer.matches}
    counted = Counter(outcome for _, *both in outcomes for outcome in both)
    assert counted["done"] > 100
    assert counted["killed"] > 10
    assert counted["applied twice"] == 0
    for pair, added, deleted in outcomes:
        rows = {f"{pair}-a", f"{pair}-b"} & present
        assert len(rows) in {0, 2}
        if added == "done" and deleted not in {"killed", "unknown"}:
            assert len(rows) == (0 if deleted == "done" else 2)
