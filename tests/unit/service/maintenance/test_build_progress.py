"""A description of an index has the build that a compaction runs: since when, and what it does."""

import time
from typing import Any

from tests.support.compactions import ExpectedIndex, a_compaction, a_writer, compact, staged
from tests.support.scripted_store import Real, ScriptedStore
from tests.support.services import FOREVER
from vectord.errors import StoreUnavailable
from vectord.service.maintenance.compaction import Compaction
from vectord.service.maintenance.lease import present_lease
from vectord.service.values.results import Build


def described_before(store: ScriptedStore, method: str) -> list[Build | None]:
    """Return a list that gets the build that index `t` has, according to a description before each call of `method`."""
    service, found = a_writer(store.inner), list[Build | None]()

    def step(real: Real) -> Any:
        found.append(service.describe("t", FOREVER).build)
        return real()

    store.always(method, step)
    return found


def test_a_description_has_the_stage_of_the_build(store: ScriptedStore, expected: ExpectedIndex) -> None:
    found, now = described_before(store, "put"), time.time()
    compact(a_compaction(store, now=now))
    assert expected
    before_the_lease, *during = found
    assert before_the_lease is None
    assert {build.since for build in during if build} == {now}
    stages = [build.stage for build in during if build]
    assert stages[:3] == ["", "reads the index", f"divides {len(expected.rows)} rows into partitions"]


def test_the_upload_is_a_stage(store: ScriptedStore, expected: ExpectedIndex) -> None:
    found, now = described_before(store, "stage"), time.time()
    compact(a_compaction(store, now=now))
    assert expected
    assert found == [Build(now, "uploads the sections")]


def test_after_a_build_a_description_has_none(store: ScriptedStore, expected: ExpectedIndex) -> None:
    compact(a_compaction(store, now=time.time()))
    assert expected
    assert a_writer(store.inner).describe("t", FOREVER).build is None


def test_a_build_does_not_depend_on_the_notes_about_it(
    store: ScriptedStore, expected: ExpectedIndex, compaction: Compaction
) -> None:
    calls = []

    def lost(real: Real) -> Any:
        """Write, but let the outcome be unknown: only the first call, which acquires the lease, is answered."""
        calls.append(real())
        if len(calls) > 1:
            raise StoreUnavailable
        return calls[0]

    store.always("put", lost)
    assert compact(compaction).outcome == "compacted"
    assert (expected.stored(), staged(store)) == (expected.rows, [])


def test_a_lease_that_has_ended_is_not_a_build(store: ScriptedStore, expected: ExpectedIndex) -> None:
    found = []

    def step(real: Real) -> Any:
        found.append(present_lease(store.inner, "t", lambda: 10_000.0))
        return real()

    store.always("stage", step)
    compact(a_compaction(store))
    assert expected
    assert found == [None]
