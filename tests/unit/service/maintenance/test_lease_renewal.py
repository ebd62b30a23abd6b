"""A lease is renewed while a build runs; a holder that finds another one ends its build without a commit."""

import time
from contextlib import ExitStack
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.compactions import SIZES, ExpectedIndex, Renewals, WallClock, a_compaction, compact, staged
from tests.support.scripted_store import Real, ScriptedStore, loses_reply, no_reply, passes_through
from tests.support.services import FOREVER, Clock
from vectord.errors import StoreRefused
from vectord.service.maintenance.compaction import Compacted
from vectord.service.maintenance.lease import HeldLease, LeaseLost, Leases, in_a_thread, present_lease
from vectord.service.values.environment import RetryPolicy
from vectord.storage.limits import STAGING

NAME = f"{STAGING}t.claim"


def leases(store: ScriptedStore, wall_clock: WallClock, renewals: Renewals | None = None, ids: str = "ours") -> Leases:
    return Leases(store, Clock(ids=ids).environment(), RetryPolicy(), wall_clock, renewals or Renewals())


@pytest.fixture
def wall_clock() -> WallClock:
    return WallClock(1_000.0)


@pytest.fixture
def renewals() -> Renewals:
    return Renewals()


def held_lease(store: ScriptedStore, wall_clock: WallClock, renewals: Renewals, block: ExitStack) -> HeldLease:
    """Acquire the lease on `t` until the block ends."""
    held = block.enter_context(leases(store, wall_clock, renewals).acquire("t", "ours", FOREVER))
    assert held is not None
    return held


def ends(store: ScriptedStore) -> float | None:
    """Return when the stored lease ends."""
    lease = present_lease(store.inner, "t", lambda: 0.0)
    return lease.ends if lease else None


def taken(store: ScriptedStore, wall_clock: WallClock, holder: str) -> bool:
    """Return True if another process could take the lease now; it releases it at once."""
    with leases(store, wall_clock, ids=holder).acquire("t", holder, FOREVER) as lease:
        return lease is not None


def test_a_lease_lasts_a_minute_and_each_renewal_gives_another(
    store: ScriptedStore, wall_clock: WallClock, renewals: Renewals
) -> None:
    with ExitStack() as block:
        held_lease(store, wall_clock, renewals, block)
        seen = [ends(store)]
        for wall_clock.now in (1_015.0, 1_030.0):
            renewals.make_one()
            seen.append(ends(store))
        assert seen == [1_060.0, 1_075.0, 1_090.0]
        wall_clock.now = 1_089.0
        assert not taken(store, wall_clock, "another")
    assert ends(store) is None


def test_a_renewal_keeps_the_stage_and_the_start(
    store: ScriptedStore, wall_clock: WallClock, renewals: Renewals
) -> None:
    with ExitStack() as block:
        held_lease(store, wall_clock, renewals, block).note("builds")
        wall_clock.now += 15
        renewals.make_one()
        found = present_lease(store.inner, "t", wall_clock)
        assert found is not None
        assert (found.stage, found.since) == ("builds", 1_000.0)


@pytest.mark.parametrize("step", [no_reply, loses_reply], ids=["not written", "written"])
def test_a_renewal_without_a_reply_is_made_up_for_by_the_next(
    store: ScriptedStore, wall_clock: WallClock, renewals: Renewals, step: Any
) -> None:
    with ExitStack() as block:
        held = held_lease(store, wall_clock, renewals, block)
        store.on("put", step)
        renewals.make_one()
        wall_clock.now += 30
        held.renew()
        assert ends(store) == 1_090.0
    assert ends(store) is None


def test_a_lease_that_was_removed_is_written_again(
    store: ScriptedStore, wall_clock: WallClock, renewals: Renewals
) -> None:
    with ExitStack() as block:
        held = held_lease(store, wall_clock, renewals, block)
        store.inner.discard(NAME)
        held.renew()
        assert ends(store) == 1_060.0
    assert staged(store) == []


@pytest.mark.parametrize("holder", ["another", "ours"])  # a retry of the same request takes the lease over too
def test_a_holder_that_was_overtaken_finds_out_and_leaves_the_lease_alone(
    store: ScriptedStore, wall_clock: WallClock, renewals: Renewals, holder: str
) -> None:
    with ExitStack() as others:
        with ExitStack() as block:
            held = held_lease(store, wall_clock, renewals, block)
            wall_clock.now += 61
            assert others.enter_context(leases(store, wall_clock, ids="theirs").acquire("t", holder, FOREVER))
            renewals.make_one()  # in a thread: it does not raise
            for _ in range(2):
                with pytest.raises(LeaseLost):
                    held.note("goes on")
        found = present_lease(store.inner, "t", wall_clock)
        assert found is not None
        assert (found.since, found.stage) == (1_061.0, "")


def test_storage_that_refuses_renewals_does_not_end_the_work(
    store: ScriptedStore, wall_clock: WallClock, renewals: Renewals
) -> None:
    def refused(_: Real) -> Any:
        raise StoreRefused("AccessDenied")

    with ExitStack() as block:
        held = held_lease(store, wall_clock, renewals, block)
        store.always("put", refused)
        held.note("builds")
        renewals.make_one()
        assert ends(store) == 1_060.0


def test_the_renewals_of_a_thread_end_with_the_block() -> None:
    calls: list[float] = []
    with in_a_thread(0.01, lambda: calls.append(time.monotonic())):
        limit = time.monotonic() + 30
        while len(calls) < 3 and time.monotonic() < limit:
            time.sleep(0.01)
    count = len(calls)
    time.sleep(0.05)
    assert 3 <= count == len(calls)


class TestBuild:
    def test_that_takes_longer_than_a_lease_keeps_others_out(
        self, store: ScriptedStore, expected: ExpectedIndex, renewals: Renewals
    ) -> None:
        wall_clock, others = WallClock(), list[Compacted]()

        def take_five_minutes(real: Real) -> Any:
            for _ in range(20):
                wall_clock.now += 15.0
                renewals.make_one()
            others.append(compact(a_compaction(store.inner, ids="other", now=wall_clock.now), "another request"))
            return real()

        store.on("stage", take_five_minutes)
        assert compact(a_compaction(store, wall_clock=wall_clock, repeat=renewals)).outcome == "compacted"
        assert others == [Compacted("busy")]
        assert (expected.stored(), staged(store)) == (expected.rows, [])

    @pytest.mark.parametrize(("method", "calls"), [("head", 2), ("stage", 0)], ids=["first read", "upload"])
    def test_whose_lease_was_taken_over_ends_without_a_commit(
        self, store: ScriptedStore, expected: ExpectedIndex, renewals: Renewals, method: str, calls: int
    ) -> None:
        wall_clock = WallClock()
        with ExitStack() as others:

            def be_frozen(real: Real) -> Any:
                wall_clock.now += 61
                others.enter_context(leases(store, wall_clock, ids="theirs").acquire("t", "another request", FOREVER))
                return real()

            store.on(method, *[passes_through] * calls, be_frozen)
            etag = store.inner.etag("t")
            assert compact(a_compaction(store, wall_clock=wall_clock, repeat=renewals)) == Compacted("busy")
            assert (store.inner.etag("t"), store.count("splice"), staged(store)) == (etag, 0, [NAME])
        assert expected.stored() == expected.rows

    def test_of_a_small_index_is_not_written_without_the_lease(
        self, store: ScriptedStore, expected: ExpectedIndex, renewals: Renewals
    ) -> None:
        wall_clock = WallClock()
        with ExitStack() as others:

            def be_frozen(real: Real) -> Any:
                noted = real()
                wall_clock.now += 61
                others.enter_context(leases(store, wall_clock, ids="theirs").acquire("t", "another request", FOREVER))
                return noted

            store.on("put", passes_through, be_frozen)  # when it notes that it reads the index
            etag, plain = store.inner.etag("t"), replace(SIZES, packed=1 << 20)
            done = compact(a_compaction(store, sizes=plain, wall_clock=wall_clock, repeat=renewals))
            assert (done, store.inner.etag("t")) == (Compacted("busy"), etag)
        assert expected.stored() == expected.rows
