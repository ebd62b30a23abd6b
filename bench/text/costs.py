"""What texts cost: the section, warm searches, an add, a build, and imports where no index has texts."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Final

import numpy as np

from bench.measure import Times
from bench.text import indexes
from bench.text.corpus import Corpus
from bench.text.figures import Check
from bench.text.indexes import Passages
from bench.text.libraries.library import K
from vectord.index.codec import decode
from vectord.index.kernels.distance import F32
from vectord.index.state import Index
from vectord.lhv1.section_names import TEXT

_SHARE, _WARM_MS, _MILLION_MS = 0.30, 3.0, 20.0  # limits
_ADD_KB, _ADD_MS = 25.0, 20.0
_ADDED, _ADDS = 100, 15
_RUNS: Final = 3  # of each warm search; the least shows the search without other load on the machine
_BASE: Final = 10_000  # rows of the index that is added to; an add writes as much to a larger one


def section(blob: bytes, corpus: Corpus) -> Check:
    """Return the share of the section in the bytes of the texts."""
    base = decode.open_blob(blob).base
    size = sum(entry.bytes for entry in base.entries if entry.name == TEXT) if base else 0
    return Check("section of texts / bytes of the texts", size / corpus.bytes, _SHARE, note=f"{size / 1e6:.2f} MB")


def warm(index: Index, queries: Sequence[str], *, is_million: bool = False) -> list[Check]:
    """Return milliseconds of searches with everything in memory."""
    taken = np.array([[_timed(index, query) for query in queries] for _ in range(_RUNS)])
    wall, cpu = (Times(taken[:, :, clock].min(axis=0)) for clock in (0, 1))
    limit, rows = _MILLION_MS if is_million else _WARM_MS, f"{index.count:,} passages, least of {_RUNS} of each query"
    return [
        Check("warm search by words, p50", wall.p50, None, "ms", note=f"{rows}; {cpu.p50:.2f} ms of CPU"),
        Check("warm search by words, p99", wall.p99, limit, "ms", note=f"{rows}; {cpu.p99:.2f} ms of CPU"),
    ]


def _timed(index: Index, query: str) -> tuple[float, float]:
    """Return the milliseconds of a search, and those of CPU."""
    wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
    indexes.found_by_words(index, query, K)
    return (time.perf_counter_ns() - wall) / 1e6, (time.thread_time_ns() - cpu) / 1e6


def build(some: Passages) -> tuple[bytes, list[Check]]:
    """Return the blob of passages with vectors, and the seconds of CPU that its build takes with and without texts."""
    rows, dimension = some.vectors.shape
    seconds, blob = _cpu(lambda: indexes.built(some))
    note = f"{_cpu(lambda: indexes.built(some, with_texts=False))[0]:.1f} without"
    return blob, [Check(f"build of {rows:,} rows of {dimension}", seconds, None, "s of CPU", note=note)]


def add(texts: Sequence[str], vectors: F32) -> list[Check]:
    """Return the additional time and bytes of an add of 100 passages with texts; adds with and without take turns."""
    count = min(len(texts), _BASE + _ADDED)
    old = indexes.passages(texts[: count - _ADDED], vectors[: count - _ADDED])
    new = Passages(range(count - _ADDED, count), texts[count - _ADDED : count], vectors[count - _ADDED : count])
    blobs = {with_texts: indexes.built(old, with_texts=with_texts) for with_texts in (True, False)}
    ms: dict[bool, list[float]] = {True: [], False: []}
    sizes = dict[bool, int]()
    for _ in range(_ADDS):
        for with_texts, blob in blobs.items():
            seconds, written = _cpu(partial(indexes.prepared, decode.open_blob(blob), new))
            ms[with_texts].append(1e3 * seconds)
            sizes[with_texts] = len(written.front)
    without = f"{sizes[False] / 1e3:.0f} KB and {median(ms[False]):.1f} ms without texts"
    return [
        Check("add of 100, more bytes with texts", (sizes[True] - sizes[False]) / 1e3, _ADD_KB, "KB", note=without),
        Check("add of 100, more CPU with texts", median(ms[True]) - median(ms[False]), _ADD_MS, "ms"),
    ]


def imports() -> Check:
    """Return how many modules of texts a process imports that creates, fills and searches an index without texts."""
    ran = subprocess.run([sys.executable, "-m", "bench.text.without_texts"], check=True, capture_output=True, text=True)
    found = json.loads(ran.stdout)
    return Check("modules of texts that are imported where no index has texts", len(found), 0, note=", ".join(found))


def _cpu[T](work: Callable[[], T]) -> tuple[float, T]:
    """Return the seconds of CPU of a call, of all threads, and its result."""
    began = time.process_time()
    result = work()
    return time.process_time() - began, result
