"""At most one of two concurrent compactions continues; after a killed one another takes over."""

from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.compactions import ExpectedIndex, a_compaction, compact, staged
from tests.support.scripted_store import Real, ScriptedStore, after
from tests.support.services import FOREVER, Clock
from vectord.service.maintenance.compaction import Compacted, Compaction
from vectord.service.maintenance.lease import Leases
from vectord.service.values.environment import RetryPolicy
from vectord.storage.base import IfAbsent
from vectord.storage.limits import STAGING


class Killed(BaseException):
    """The process ends here."""


def killed(_: Real) -> Any:
    raise Killed


def test_the_second_of_two_compactions_stops_at_once(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    others = []
    store.on("stage", after(lambda: others.append(compact(a_compaction(store.inner, ids="other"), "another request"))))
    assert (compact(compaction).outcome, others) == ("compacted", [Compacted("busy")])
    assert (expected.stored(), staged(store)) == (expected.rows, [])


def test_one_of_two_concurrent_acquisitions_wins(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    others = []
    store.on("put", after(lambda: others.append(compact(a_compaction(store.inner, ids="other"), "another request"))))
    assert (compact(compaction), [one.outcome for one in others]) == (Compacted("idle"), ["compacted"])
    assert (expected.stored(), store.count("stage")) == (expected.rows, 0)


def test_two_holders_of_one_lease_lose_no_change(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    others = []
    late = a_compaction(store.inner, ids="other", now=10_000.0)  # its clock shows a time after the first lease
    store.on("stage", after(lambda: others.append(compact(late, "another request").outcome)))
    assert (compact(compaction), others) == (Compacted("overtaken"), ["compacted"])
    assert (expected.stored(), staged(store)) == (expected.rows, [])


@pytest.mark.parametrize("method", ["read", "stage", "splice", "discard"])
def test_after_a_kill_another_compaction_starts_when_the_lease_expires(
    store: ScriptedStore, expected: ExpectedIndex, method: str
) -> None:
    dying = ScriptedStore(least_part=1)
    dying.inner = store.inner
    dying.on(method, killed)
    dying.always("discard", killed)
    dying.always("delete", killed)
    with pytest.raises(Killed):
        compact(a_compaction(dying))
    assert expected.stored() == expected.rows
    assert compact(a_compaction(store, ids="soon", now=59.0), "another request").outcome in {"busy", "idle"}
    expected.add(*(f"n{i}" for i in range(9)), seed=2)
    assert compact(a_compaction(store, ids="later", now=61.0), "another request").outcome == "compacted"
    assert expected.stored() == expected.rows


def test_a_retry_with_the_same_request_id_takes_its_lease_over(store: ScriptedStore, expected: ExpectedIndex) -> None:
    dying = ScriptedStore(least_part=1)
    dying.inner = store.inner
    for method in ("stage", "discard", "delete"):
        dying.always(method, killed)
    with pytest.raises(Killed):
        compact(a_compaction(dying), "request")
    assert compact(a_compaction(store, ids="again"), "request").outcome == "compacted"
    assert expected.stored() == expected.rows


def test_an_unreadable_lease_is_taken_over(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    store.inner.put(f"{STAGING}t.claim", b"not a claim", IfAbsent(), "by hand")
    assert compact(compaction).outcome == "compacted"
    assert (expected.stored(), staged(store)) == (expected.rows, [])


def test_a_lease_of_another_holder_is_never_removed(store: ScriptedStore, compaction: Compaction) -> None:
    later = Leases(store.inner, Clock(ids="later").environment(), RetryPolicy(), clock=lambda: 10_000.0)
    with ExitStack() as others:
        store.on("stage", after(lambda: others.enter_context(later.acquire("t", "another request", FOREVER))))
        assert compact(compaction) == Compacted("busy")
        assert staged(store) == [f"{STAGING}t.claim"]


def test_one_of_two_takeovers_of_an_expired_lease_wins(store: ScriptedStore, compaction: Compaction) -> None:
    claims = Leases(store.inner, Clock(ids="ended").environment(), RetryPolicy(), clock=lambda: -10_000.0)
    with ExitStack() as others:
        others.enter_context(claims.acquire("t", "a request that died", FOREVER))

        def read_and_be_late(real: Real) -> Any:
            found = real()
            faster = Leases(store.inner, Clock(ids="faster").environment(), RetryPolicy(), clock=lambda: 0.0)
            others.enter_context(faster.acquire("t", "another request", FOREVER))
            return found

        store.on("get", read_and_be_late)
        assert compact(compaction) == Compacted("busy")
