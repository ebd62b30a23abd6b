"""What a cold start plans to read, without numpy, is what the search then reads in its first round."""

from array import array
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from tests.support import datasets, services
from tests.support import vectors as v
from tests.support.sections import PackedIndex
from tests.support.services import FOREVER, Clock
from tests.support.vectors import F32
from vectord.index import mutations
from vectord.index.kernels import compiled
from vectord.index.query import early
from vectord.index.query.query import Query
from vectord.index.rows import Item
from vectord.index.sections import graph
from vectord.index.thresholds import Thresholds
from vectord.lhv1 import frame
from vectord.lhv1.params import Distance
from vectord.lhv1.parts_layout import PartsLayout
from vectord.service.service import Service
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import SEARCH_HEAD_BYTES
from vectord.storage.base import ByteRange, Data, IfAbsent
from vectord.storage.memory import MemoryStore

pytestmark = pytest.mark.slow  # large indexes

ROWS = {"cosine": (9_000, 257), "euclidean": (9_000, 256)}
DISTANCES: tuple[Distance, ...] = ("cosine", "euclidean")
# The packed form from the first row on. Parts have the size of S3, so that a commit has room for a copy of the head.
THRESHOLDS = Thresholds(packed=1, tail_rows=1 << 30)
TAILS = {"no tail": 0, "a short tail": 60, "a tail of small pieces": 400, "a tail": 2_000}

_names = count()


class RecordingStore(MemoryStore):
    """A store that records the ranges of each read."""

    def __init__(self, blob: bytes) -> None:
        super().__init__(least_part=1)
        self.rounds: list[list[ByteRange]] = []
        self.put("t", blob, IfAbsent(), "c")

    def read(self, name: str, etag: str, ranges: Sequence[ByteRange], *, version: str | None = None) -> Sequence[Data]:
        self.rounds.append(sorted(ranges))
        return super().read(name, etag, ranges, version=version)


@pytest.fixture(scope="module", autouse=True)
def without_cheap_scans() -> Iterator[None]:
    """Divide few rows into partitions too, because builds take long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph, "_CHEAP_SCAN_COMPONENTS", graph._CHEAP_SCAN_COMPONENTS // 4)
        yield


def drawn(distance: Distance, rows: int, seed: int) -> F32:
    return datasets.textlike(ROWS[distance][1])(np.random.default_rng(seed), rows)


def items_of(vectors: F32) -> list[Item]:
    return [Item(f"{next(_names)}", vector) for vector in vectors]


@cache
def built(distance: Distance) -> PackedIndex:
    rows, dimension = ROWS[distance]
    index, *_ = mutations.upsert(v.empty(dimension, distance, m=2), items_of(drawn(distance, rows, 1)))
    return PackedIndex(index, THRESHOLDS)


@cache
def blob_of(distance: Distance, tail: str, *, removed: bool = False) -> bytes:
    index = built(distance).branch()
    if TAILS[tail]:
        for part in np.array_split(drawn(distance, TAILS[tail], 2), 3):
            index.add(*items_of(part))
    if removed:
        index.remove(*(f"{row}" for row in range(index.index.count) if row % 20 == 0))
    return index.blob


def read_by_search(blob: bytes, query: Query) -> tuple[str, list[ByteRange]]:
    """Return the fetch mode of a search in a new process, and the ranges of its first round after the head."""
    store, clock = RecordingStore(blob), Clock()
    files, environment, policy = services.new_section_cache(), clock.environment(), RetryPolicy(max_attempts=1)
    service = Service(store, files, memory_bytes=1 << 20, environment=environment, retry_policy=policy)
    return service.search("t", query, FOREVER).answer.plan, store.rounds[0] if store.rounds else []


def planned(blob: bytes, vector: F32, k: int, recall: float) -> list[ByteRange]:
    return sorted(early.ranges(memoryview(blob)[:SEARCH_HEAD_BYTES], len(blob), array("f", vector.tolist()), k, recall))


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("distance", DISTANCES)
def test_what_is_planned_is_what_a_search_reads(distance: Distance, tail: str) -> None:
    blob, by_ranges = blob_of(distance, tail), 0
    for number, vector in enumerate(drawn(distance, 12, 3)):
        k, recall = (1, 10, 10, 100)[number % 4], (0.5, 0.8, 0.95, 0.9)[number % 4]
        plan, ranges = read_by_search(blob, Query(k, (vector,), recall=recall))
        assert planned(blob, vector, k, recall) == (ranges if plan == "ranges" else [])
        by_ranges += plan == "ranges"
    assert by_ranges >= 6


def test_removed_rows_change_nothing_in_the_first_round() -> None:
    blob = blob_of("cosine", "a tail", removed=True)
    for vector in drawn("cosine", 5, 4):
        plan, ranges = read_by_search(blob, Query(10, (vector,), recall=0.8))
        assert plan == "ranges"
        assert planned(blob, vector, 10, 0.8) == ranges


def test_nothing_is_planned_for_an_exact_search_or_a_vector_of_another_dimension() -> None:
    blob, vector = blob_of("cosine", "no tail"), drawn("cosine", 1, 5)[0]
    assert planned(blob, vector, 10, 0.8)
    assert planned(blob, vector, 10, 1.0) == []
    assert planned(blob, vector[:-1], 10, 0.8) == []


def changed(blob: bytes, **of_parts: Any) -> bytes:
    """Return the blob with other values in the key `parts` of its envelope."""
    head = frame.decode_head(blob, len(blob))
    envelope = structs.replace(head.envelope, parts=structs.replace(head.envelope.parts, **of_parts))
    front = frame.encode_head(envelope, head.body_start)
    assert len(front) == head.body_start
    return front + blob[head.body_start :]


def test_nothing_is_planned_at_a_recall_of_1_even_if_it_was_measured() -> None:
    blob, vector = blob_of("cosine", "no tail"), drawn("cosine", 1, 5)[0]
    shape = frame.decode_head(blob, len(blob)).envelope.parts
    assert shape
    exact = changed(blob, cold=[structs.replace(point, recall_10=1.0) for point in shape.cold])
    assert planned(exact, vector, 10, 0.99)
    assert planned(exact, vector, 10, 1.0) == []


@pytest.mark.parametrize("entry", [0, 10**6, 2**32 - 1])
def test_nothing_is_planned_if_the_codes_of_a_partition_are_not_in_the_section(entry: int) -> None:
    blob, vector = blob_of("cosine", "no tail"), drawn("cosine", 1, 5)[0]
    head = frame.decode_head(blob, len(blob))
    assert head.envelope.parts
    layout = PartsLayout(head.envelope.params.dimension, head.envelope.parts.partitions)
    damaged = bytearray(blob)
    first = head.body_start + layout.first_entries
    for number in range(1, layout.partitions + 1, 2):
        damaged[first + 4 * number : first + 4 * number + 4] = entry.to_bytes(4, "little")
    assert planned(bytes(damaged), vector, 10, 0.8) == []


def test_nothing_is_planned_that_is_more_than_8_mib(monkeypatch: pytest.MonkeyPatch) -> None:
    blob, vector = blob_of("cosine", "no tail"), drawn("cosine", 1, 5)[0]
    size = sum(stop - start for start, stop in planned(blob, vector, 10, 0.8))
    monkeypatch.setattr(early, "_MOST_BYTES", size - 1)
    assert planned(blob, vector, 10, 0.8) == []


def test_nothing_is_planned_without_the_compiled_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "native", None)
    assert planned(blob_of("cosine", "no tail"), drawn("cosine", 1, 5)[0], 10, 0.8) == []


def test_nothing_is_planned_without_the_head_of_the_partitions() -> None:
    blob, vector = blob_of("cosine", "no tail"), array("f", drawn("cosine", 1, 5)[0].tolist())
    start = frame.decode_head(blob, len(blob)).body_start
    for length in (10, start - 1, start, start + 1_000):
        assert early.ranges(blob[:length], len(blob), vector, 10, 0.8) == []


@given(at=st.integers(0, 10**6), value=st.integers(0, 255), tail=st.sampled_from(["no tail", "a tail"]))
@settings(max_examples=200)
def test_damaged_first_bytes_give_few_ranges_within_the_object(at: int, value: int, tail: str) -> None:
    blob = blob_of("cosine", tail)
    first = bytearray(blob[:SEARCH_HEAD_BYTES])
    start = frame.decode_head(blob, len(blob)).body_start
    first[start + at % (len(first) - start)] = value
    vector = array("f", drawn("cosine", 1, 5)[0].tolist())
    found = early.ranges(bytes(first), len(blob), vector, 10, 0.8)
    assert all(0 <= begin < end <= len(blob) for begin, end in found)
    assert sum(end - begin for begin, end in found) <= 8 << 20
