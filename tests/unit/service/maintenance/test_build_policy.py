"""A request that finds a build due runs it if that takes a moment; otherwise a compaction does."""

import msgspec
import numpy as np
import pytest

from tests.support.compactions import (
    DIMENSION,
    SIZES,
    RecordedInvocations,
    a_compaction,
    a_service_with_builds,
    compact,
    vectors,
)
from tests.support.scripted_store import ScriptedStore, after, fails_with, loses_reply
from tests.support.services import FOREVER, Clock, new_section_cache
from vectord.errors import OutcomeUnknown, StoreError, StoreRefused, StoreUnavailable
from vectord.index import mutations
from vectord.index.codec import decode
from vectord.index.rows import Item, Rows
from vectord.index.sections.base import NOTHING_TO_FETCH
from vectord.index.state import Index, empty_index
from vectord.index.thresholds import DEFAULT
from vectord.lhv1 import frame
from vectord.lhv1.params import new_params
from vectord.readers.entry import NewVector
from vectord.service.commit.build_policy import BuildPolicy, build_seconds
from vectord.service.service import Service
from vectord.service.values.options import Deadline, NewIndex
from vectord.service.values.selection import Selection
from vectord.storage.base import StoredObject

PLENTY = 1 << 30
LATE = 1e-6  # seconds from now


class FailingInvocation(RecordedInvocations):
    """An invocation that fails."""

    def __init__(self, error: StoreError) -> None:
        super().__init__()
        self._error = error

    def __call__(self, payload: bytes, seconds: float) -> None:
        super().__call__(payload, seconds)
        raise self._error


@pytest.fixture
def asked() -> RecordedInvocations:
    return RecordedInvocations()


def a_service(
    store: ScriptedStore, asked: RecordedInvocations | None, *, memory: int = PLENTY, clock: Clock | None = None
) -> Service:
    return a_service_with_builds(store, asked, memory=memory, clock=clock or Clock())


def grown(service: Service, until: float) -> None:
    """Create index `t` and add rows until a build is due."""
    service.create(NewIndex("t", DIMENSION), FOREVER)
    service.add("t", vectors(*map(str, range(20))), Deadline(1_000.0))
    service.add("t", vectors(*(f"late{i}" for i in range(9))), Deadline(until))


def state(store: ScriptedStore) -> Index:
    found = store.inner.get("t")
    assert isinstance(found, StoredObject)
    return decode.open_blob(found.data)


def tail(store: ScriptedStore) -> int:
    return len(state(store).tail)


def test_a_build_that_fits_the_request_runs_in_it(store: ScriptedStore, asked: RecordedInvocations) -> None:
    grown(a_service(store, asked), 20.0)
    assert (tail(store), asked.names) == (0, [])


@pytest.mark.parametrize(("until", "memory"), [(LATE, PLENTY), (20.0, 1_000)], ids=["time", "memory"])
def test_a_build_that_does_not_fit_is_deferred_to_a_compaction(
    store: ScriptedStore, asked: RecordedInvocations, until: float, memory: int
) -> None:
    service = a_service(store, asked, memory=memory)
    grown(service, until)
    assert (tail(store), asked.names) == (9, ["t"])
    assert service.environment.meter.value("CompactionsAsked") == 1


MANY = 44_000  # rows that need more than a scan


def test_a_request_does_not_wait_for_a_build_that_takes_longer_than_it_may(
    store: ScriptedStore, asked: RecordedInvocations
) -> None:
    policy = BuildPolicy(Clock().environment(), asked, PLENTY)
    assert not policy.is_deferred(a_due_index(metadata=1), SIZES, FOREVER)
    assert policy.is_deferred(a_due_index(metadata=1_300_000), SIZES, FOREVER)


@pytest.mark.parametrize(("rows", "is_deferred"), [(5_000, False), (5_600, True)], ids=["plain", "packed"])
def test_the_first_build_of_a_packed_index_is_left_to_a_compaction(
    asked: RecordedInvocations, rows: int, is_deferred: bool
) -> None:
    written = Rows([str(row) for row in range(rows)], np.ones((rows, 384), np.float32), {})
    index = mutations.upsert_rows(empty_index(new_params("t", 384)), written)[0]
    policy = BuildPolicy(Clock().environment(), asked, PLENTY)
    assert policy.is_deferred(index, DEFAULT, FOREVER) == is_deferred


def a_due_index(metadata: int) -> Index:
    """Return a packed index of 20 rows with this many bytes of metadata each, and 9 rows more in its tail."""
    text = msgspec.Raw(b'"' + b"x" * metadata + b'"')
    base = [NewVector(one.id, one.vector, text) for one in vectors(*map(str, range(20)))]
    rows = [Item(one.id, one.vector, one.metadata) for one in vectors(*(f"late{row}" for row in range(9)))]
    return mutations.upsert(opened(*base), rows)[0]


@pytest.mark.slow
def test_an_index_that_needs_more_than_a_scan_is_first_built_by_a_compaction(
    store: ScriptedStore, asked: RecordedInvocations
) -> None:
    service = a_service(store, asked)
    service.create(NewIndex("t", DIMENSION), FOREVER)
    service.add("t", vectors(*map(str, range(MANY))), Deadline(1_000.0))
    service.add("t", vectors("more"), Deadline(1_000.0))
    assert (tail(store), asked.names) == (MANY + 1, ["t"])
    assert compact(a_compaction(store)).outcome == "compacted"
    assert (tail(store), service.describe("t", Deadline(20.0)).count) == (0, MANY + 1)


def test_an_index_that_searches_read_by_ranges_has_codes_before_its_first_build(
    store: ScriptedStore, asked: RecordedInvocations
) -> None:
    service = a_service(store, asked)
    service.create(NewIndex("t", DIMENSION), FOREVER)
    service.add("t", vectors(*map(str, range(MANY))), Deadline(1_000.0))
    [piece] = state(store).tail.pieces
    assert piece.codes is not None


def test_without_a_compact_function_every_build_runs_in_the_request(store: ScriptedStore) -> None:
    grown(a_service(store, None, memory=0), LATE)
    assert tail(store) == 0


def test_a_long_tail_never_refuses_a_write(store: ScriptedStore, asked: RecordedInvocations) -> None:
    service = a_service(store, asked, memory=0)
    grown(service, 20.0)
    for number in range(10):
        service.add("t", vectors(*(f"{number}/{i}" for i in range(10)), seed=number), Deadline(20.0))
    assert (tail(store), service.describe("t", Deadline(20.0)).count) == (109, 129)


def test_deletions_that_require_a_build_request_a_compaction(store: ScriptedStore, asked: RecordedInvocations) -> None:
    service = a_service(store, asked, memory=0)
    service.create(NewIndex("t", DIMENSION), Deadline(20.0))
    service.add("t", vectors(*map(str, range(20))), Deadline(20.0))
    service.delete("t", Selection(list(map(str, range(9)))), Deadline(20.0))
    assert asked.names == ["t"]


def test_a_change_below_the_threshold_requests_no_compaction(store: ScriptedStore, asked: RecordedInvocations) -> None:
    service = a_service(store, asked, memory=0)
    service.create(NewIndex("t", DIMENSION), Deadline(20.0))
    service.add("t", vectors(*map(str, range(20))), Deadline(20.0))
    service.add("t", vectors("one"), Deadline(20.0))
    assert asked.names == []


def test_emptying_an_index_requests_no_compaction(store: ScriptedStore, asked: RecordedInvocations) -> None:
    service = a_service(store, asked, memory=0)
    service.create(NewIndex("t", DIMENSION), Deadline(20.0))
    service.add("t", vectors(*map(str, range(20))), Deadline(20.0))
    service.delete("t", Selection(list(map(str, range(20)))), Deadline(20.0))
    assert asked.names == []


def test_a_change_without_effect_requests_no_compaction(store: ScriptedStore, asked: RecordedInvocations) -> None:
    grown(a_service(store, asked, memory=0), 20.0)
    another = a_service(store, asked, memory=0, clock=Clock(ids="another"))
    another.delete("t", Selection(["absent"]), Deadline(20.0))
    assert asked.names == ["t"]


def test_a_compaction_is_requested_at_most_once_a_minute(store: ScriptedStore, asked: RecordedInvocations) -> None:
    clock = Clock()
    service = a_service(store, asked, memory=0, clock=clock)
    grown(service, 20.0)
    for clock.now in (1.0, 30.0, 59.0):
        service.add("t", vectors("more", seed=int(clock.now)), Deadline(clock.now + 20.0))
    assert asked.names == ["t"]
    clock.now = 61.0
    service.add("t", vectors("more", seed=61), Deadline(81.0))
    assert asked.names == ["t", "t"]


def test_a_compaction_is_requested_after_the_commit(store: ScriptedStore, asked: RecordedInvocations) -> None:
    seen: list[int] = []
    service = a_service(store, asked, memory=0)
    store.always("splice", after(lambda: seen.append(len(asked.names))))
    grown(service, 20.0)
    assert (seen, asked.names) == ([0], ["t"])


def test_a_compaction_is_requested_after_a_lost_reply_to_the_commit(
    store: ScriptedStore, asked: RecordedInvocations
) -> None:
    service = a_service(store, asked, memory=0)
    store.on("splice", loses_reply)
    grown(service, 20.0)
    assert (store.count("splice"), asked.names) == (1, ["t"])


def test_an_unknown_outcome_of_the_commit_is_raised(store: ScriptedStore, asked: RecordedInvocations) -> None:
    service = a_service(store, asked, memory=0)
    store.always("splice", fails_with(StoreUnavailable("no answer")))
    with pytest.raises(OutcomeUnknown):
        grown(service, 1_000.0)
    assert asked.names == []


@pytest.mark.parametrize("error", [StoreUnavailable("timeout"), StoreRefused("AccessDeniedException")])
def test_a_failed_compaction_request_does_not_fail_the_change(store: ScriptedStore, error: StoreError) -> None:
    deaf = FailingInvocation(error)
    service = a_service(store, deaf, memory=0)
    grown(service, 20.0)
    assert service.describe("t", Deadline(20.0)).count == 29
    assert service.environment.meter.value("CompactionsUnheard") == 1


def test_a_failed_compaction_request_is_repeated_at_the_next_change(store: ScriptedStore) -> None:
    deaf = FailingInvocation(StoreUnavailable("timeout"))
    service = a_service(store, deaf, memory=0)
    grown(service, 20.0)
    service.add("t", vectors("more"), Deadline(20.0))
    assert deaf.names == ["t", "t"]


# ---- the estimated duration of a build


def opened(*new: NewVector, sections_here: bool = True) -> Index:
    """Return an index of these rows; unless its sections are cached they must be read."""
    store = ScriptedStore(least_part=1)
    service = a_service(store, None)
    service.create(NewIndex("t", DIMENSION), Deadline(1_000.0))
    service.add("t", list(new), Deadline(1_000.0))
    blob = store.inner.get("t")
    assert isinstance(blob, StoredObject)
    if sections_here:
        return decode.open_blob(blob.data)
    head = frame.decode_head(blob.data, len(blob.data))
    return decode.open_head(head, new_section_cache().open, NOTHING_TO_FETCH)


def test_the_estimate_grows_with_the_rows() -> None:
    few, many = vectors(*map(str, range(20))), vectors(*map(str, range(200)))
    computed = 0.002  # for 180 rows x 32; to write them takes a fifth of that
    assert build_seconds(opened(*many)) - build_seconds(opened(*few)) > computed


def test_the_estimate_grows_with_the_bytes_of_equally_many_rows() -> None:
    long = NewVector("a", vectors("a")[0].vector, msgspec.Raw(b'"' + b"x" * 750_000 + b'"'))
    assert build_seconds(opened(long)) - build_seconds(opened(*vectors("a"))) == pytest.approx(0.01, rel=0.01)


def test_the_estimate_grows_with_the_bytes_to_read() -> None:
    long = NewVector("a", vectors("a")[0].vector, msgspec.Raw(b'"' + b"x" * 750_000 + b'"'))
    assert build_seconds(opened(long, sections_here=False)) - build_seconds(opened(long)) == pytest.approx(
        0.01, rel=0.01
    )
