"""Measure the commits and rows a second of one index to which several writers add batches.

`python bench/run.py commits [--seconds N] [--rows N ...] [--writers N ...] [--store stand-in|link|model]`: on the
stand-in for S3, on it behind the link, or on a store in memory with S3's latencies. Each writer has a service of its
own, as a Lambda function has, and starts its next batch when the last one is committed. All begin at once, so that all
but one give way, or lose a race, with their first batch: "later" is without these. Builds are left to the compact
function, which does not run. To measure the code of another checkout:
`OPENBLAS_NUM_THREADS=1 PYTHONPATH=.:<checkout>/layers/vectord .venv/bench/bin/python -m bench.studies.commits`.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from bench.data import synthetic
from bench.measure import Times, machine
from bench.s3.modelled import ModelledStore
from bench.s3.stand_in import BUCKET, KEYS, stand_in
from tools.command.console import step, table
from tools.command.run import scratch_folder
from vectord.cache.section_cache import SectionCache
from vectord.errors import Unavailable
from vectord.index.kernels.distance import F32
from vectord.readers.entry import NewVector
from vectord.service.commit.build_policy import BuildPolicy
from vectord.service.service import Service
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline, NewIndex
from vectord.storage.base import Store
from vectord.storage.credentials import Credentials
from vectord.storage.s3.bucket import Bucket
from vectord.storage.s3.store import S3Store

type NewStore = Callable[[], Store]

_NAME = "busy"
_BATCH = 100
_DEADLINE_SECONDS = 20.0  # as long as a request may take


@dataclass(frozen=True, slots=True)
class Writer:
    """What a writer did: milliseconds until each batch was acknowledged, commits, lost writes, names of errors."""

    durations: list[float]
    commits: float
    lost: float
    errors: list[str]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/run.py commits", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="duration of each measurement")
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 30_000])
    parser.add_argument("--writers", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--store", choices=("stand-in", "link", "model"), default="stand-in")
    options = parser.parse_args()
    table(("fact", "value"), machine())
    with scratch_folder() as folder, _stores(folder, options.store) as (filling, measured):
        rows = [row for count in options.rows for row in _measured(filling, measured, folder, count, options)]
    heads = (
        *("rows x 384", "MB", "writers", "rows/s", "commits/s", "lost writes a commit"),
        *("p50 ms", "p99 ms", "p99 later", "errors"),
    )
    table(heads, rows)


@contextmanager
def _stores(folder: Path, kind: str) -> Iterator[tuple[NewStore, NewStore]]:
    """Yield what makes a store to fill the index, and what makes the store of a writer."""
    if kind == "model":
        objects = ModelledStore(version_bytes=0)
        yield lambda: objects, lambda: objects
        return
    with stand_in(folder) as s3:
        yield lambda: _s3(s3.limited(linked=False)), lambda: _s3(s3.limited(linked=kind == "link"))


def _s3(endpoint: str) -> Store:
    return S3Store(Bucket(BUCKET, "us-east-1", endpoint, Credentials(KEYS["id"], KEYS["secret"], None)), "bench")


def _measured(
    filling: NewStore, measured: NewStore, folder: Path, count: int, options: argparse.Namespace
) -> Iterator[list[str]]:
    """Fill an index with `count` rows, and yield a row of the table for each number of writers."""
    vectors = synthetic(count, queries=1).rows.vectors
    first = _service(filling(), folder, builds=True)
    first.create(NewIndex(_NAME, vectors.shape[1]), _deadline(3_600))
    first.add(_NAME, [NewVector(f"row-{i}", vector) for i, vector in enumerate(vectors)], _deadline(3_600))
    size = first.describe(_NAME, _deadline(60)).size
    for number in options.writers:
        with step(f"{count:,}", f"rows, {number} writers, for {options.seconds:.0f} s"):
            services = [_service(measured(), folder / f"{count}-{number}-{i}") for i in range(number)]
            started = time.monotonic()
            with ThreadPoolExecutor(number) as pool:
                done = list(pool.map(partial(_writes, vectors=vectors, end=started + options.seconds), services))
            elapsed = time.monotonic() - started
        ms = [duration for writer in done for duration in writer.durations]
        later = Times(np.array([duration for writer in done for duration in writer.durations[1:]]))
        times, commits = Times(np.array(ms)), sum(writer.commits for writer in done)
        yield [
            *(f"{count:,}", f"{size / 1e6:,.1f}", f"{number}", f"{_BATCH * len(ms) / elapsed:,.0f}"),
            *(f"{commits / elapsed:.1f}", f"{sum(writer.lost for writer in done) / commits:.2f}"),
            *(
                f"{times.p50:,.0f}",
                f"{times.p99:,.0f}",
                f"{later.p99:,.0f}",
                _counts(error for writer in done for error in writer.errors),
            ),
        ]
    first.delete_index(_NAME, _deadline(60))


def _counts(errors: Iterable[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in Counter(errors).items()) or "none"


def _writes(service: Service, vectors: F32, end: float) -> Writer:
    """Add batches until `end`."""
    durations, errors, meter = list[float](), list[str](), service.environment.meter
    service.describe(_NAME, _deadline(60))
    while (start := time.monotonic()) < end:
        batch = [NewVector(service.environment.new_id(), vector) for vector in vectors[:_BATCH]]
        try:
            service.add(_NAME, batch, _deadline(_DEADLINE_SECONDS))
        except Unavailable as error:
            errors.append(type(error).__name__)
        else:
            durations.append((time.monotonic() - start) * 1000)
    return Writer(durations, meter.value("Commits"), meter.value("Conflicts"), errors)


def _service(store: Store, folder: Path, *, builds: bool = False) -> Service:
    environment = Environment()
    return Service(
        store,
        SectionCache(folder / "sections", 1 << 30),
        memory_bytes=1 << 30,
        environment=environment,
        retry_policy=RetryPolicy(),
        build_policy=None if builds else BuildPolicy(environment, _no_compaction, 1 << 30),
    )


def _no_compaction(payload: bytes, seconds: float) -> None:
    """Accept the request for a compaction, which nothing runs."""


def _deadline(seconds: float) -> Deadline:
    return Deadline(time.monotonic() + seconds)


if __name__ == "__main__":
    main()
