"""One large blob: build, cold search, add and warm search of a million rows, each in its own process.

`python bench/run.py large [--rows N]`. The blob is in the stand-in for S3. Cold searches and the add go through the
emulated link, which counts bytes and requests. The rows are those of `bench.data.synthetic`.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench import handlers
from bench.alone import service as calls
from bench.data import Dataset, K, synthetic, truth
from bench.memory import peak_memory
from bench.s3.stand_in import BUCKET, KEYS, StandIn, client, stand_in
from tools.command.console import step, table
from tools.command.paths import ROOT
from tools.command.run import environment
from vectord.index import state as index_state
from vectord.index.codec import encode
from vectord.index.mutations import with_rows
from vectord.index.query import search
from vectord.index.rows import Rows
from vectord.lhv1.params import new_params
from vectord.readers.entry import NewVector
from vectord.runtime import api
from vectord.runtime.resources import section_cache_of, store_of
from vectord.runtime.settings import Settings
from vectord.service.snapshots.cache import SnapshotCache, SnapshotReader
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline

_ROWS = 1_000_000
_DIMENSION = 384
_QUERIES = 100
_COLD = 3
_NAME = "large"
_PREFIX = "_vectors"
_TMP_MB = 16_384
_RECALLS = (0.95, 0.99)
_THREADS = "2"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/run.py large", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=_ROWS)
    parser.add_argument("--step", choices=sorted(_STEPS), help=argparse.SUPPRESS)
    arguments, rest = parser.parse_known_args()
    if arguments.step:
        _STEPS[arguments.step](*rest)
        return
    with tempfile.TemporaryDirectory(prefix="vectord-bench-") as folder, stand_in(Path(folder)) as store:
        _report(store, Path(folder), arguments.rows)


def _report(store: StandIn, folder: Path, rows: int) -> None:
    with step("build", f"{rows:,} x {_DIMENSION}, 2 threads; then upload"):
        built = _run(store, folder, "build", str(rows), str(folder), linked=False)
    cold = []
    for number in range(_COLD):
        with step("cold", "a search in a new process with an empty folder"):
            cold.append(_run(store, folder, "cold", str(folder), str(number)))
    with step("warm", f"{_QUERIES} searches, all sections cached"):
        warm = _run(store, folder, "warm", str(folder), linked=False)
    with step("add", f"{calls.ADDED} rows from a new process"):
        added = _run(store, folder, "add", str(folder))
    raw = rows * _DIMENSION * 4
    lines = [
        ("build, rows to blob", f"{built['seconds']:.1f} s", f"peak memory {built['peak'] / 1e9:.2f} GB"),
        ("blob", f"{built['size'] / 1e9:.3f} GB", f"{built['size'] / raw:.3f} x the raw float32"),
        *(_cold_line(one) for one in cold),
        (
            f"add of {calls.ADDED}, durable, without imports",
            f"{added['seconds']:.2f} s",
            f"{_traffic(added)}, including the stand-in's hashing; peak memory {added['peak'] / 1e6:.0f} MB",
        ),
        *((f"warm search, {name}", f"{ms:.2f} ms", f"recall@10 {recall:.4f}") for name, ms, recall in warm["found"]),
        ("warm, peak memory", f"{warm['peak'] / 1e9:.2f} GB", "including mapped pages of the sections"),
    ]
    table(("figure", "", "note"), lines)


def _cold_line(one: Mapping[str, Any]) -> tuple[str, str, str]:
    note = f"{one['strategy']} by {one['plan']}, {_traffic(one)}, recall@10 {one['recall']:.1f}"
    note += f"; peak memory {one['peak'] / 1e6:.0f} MB"
    return "cold search, from process start to answer", f"{one['wall']:.2f} s", note


def _traffic(one: Mapping[str, Any]) -> str:
    return f"{one['received'] / 1e6:.2f} MB read, {one['sent'] / 1e6:.2f} MB sent, {one['requests']} requests"


def _run(store: StandIn, folder: Path, name: str, *arguments: str, linked: bool = True) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        env = environment(Path(scratch)) | {
            "AWS_ENDPOINT_URL_S3": store.limited(linked=linked),
            "AWS_ACCESS_KEY_ID": KEYS["id"],
            "AWS_SECRET_ACCESS_KEY": KEYS["secret"],
            "AWS_DEFAULT_REGION": "us-east-1",
            "VECTORD_STORE": f"s3://{BUCKET}/{_PREFIX}",
            "VECTORD_TMP_MB": str(_TMP_MB),
            "TMPDIR": scratch,
            "OPENBLAS_NUM_THREADS": _THREADS,
            "PYTHONPATH": os.environ["PYTHONPATH"],
        }
        store.link.take()
        started = time.monotonic()
        command = [sys.executable, "-m", "bench.studies.large", "--step", name, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True)
        wall = time.monotonic() - started
        transferred = store.link.take()
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts | {
        "wall": wall,
        "requests": transferred.requests,
        "sent": transferred.sent,
        "received": transferred.received,
    }


# The steps, each of which runs in a measured process.


def _build(rows: str, folder: str) -> None:
    data = synthetic(int(rows), _DIMENSION, _QUERIES)
    np.savez(Path(folder, "truth.npz"), queries=data.queries, **_truth(data))
    index = with_rows(
        index_state.empty_index(new_params(_NAME, _DIMENSION)), Rows(data.rows.ids, data.rows.vectors, {})
    )
    before = time.perf_counter()
    encoded = encode.encode(index, _NAME, "0" * 32)
    seconds = time.perf_counter() - before
    size, most = encoded.size, peak_memory()
    blob = encoded.blob
    del data, index, encoded
    client(os.environ["AWS_ENDPOINT_URL_S3"]).upload_fileobj(io.BytesIO(blob), BUCKET, f"{_PREFIX}/{_NAME}.lhv1")
    _report_figures(seconds=seconds, size=size, peak=most)


def _truth(data: Dataset) -> dict[str, Any]:
    """Return for each query the rows that are as near as the true tenth neighbour, padded with -1."""
    true, vectors = truth(data.rows.vectors, data.queries), data.rows.vectors
    cosines = (vectors @ true.queries.T.astype(np.float32)).T / np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    near = [np.flatnonzero(one >= tenth - 1e-6)[: 2 * K] for one, tenth in zip(cosines, true.tenth, strict=True)]
    return {"near": np.array([np.pad(rows, (0, 2 * K - len(rows)), constant_values=-1) for rows in near])}


def _cold(folder: str, number: str) -> None:
    saved = np.load(Path(folder, "truth.npz"))
    query, near = saved["queries"][int(number)], saved["near"][int(number)]
    with handlers.without_log():
        answer = json.loads(handlers.load_handler("search")(calls.base64_event(_NAME, query), None)["body"])
    found = [int(match["id"].removeprefix("row-")) for match in answer["matches"]]
    recall = len(set(found) & set(near.tolist())) / K
    _report_figures(strategy=answer["strategy"], plan=answer["plan"], recall=recall, peak=peak_memory())


def _add(folder: str) -> None:
    saved = np.load(Path(folder, "truth.npz"))
    batch = [NewVector(f"new-{row}", saved["queries"][row]) for row in range(calls.ADDED)]
    service = api.service()
    before = time.perf_counter()
    service.add(_NAME, batch, Deadline(time.monotonic() + 3_600))
    _report_figures(seconds=time.perf_counter() - before, peak=peak_memory())


def _warm(folder: str) -> None:
    saved = np.load(Path(folder, "truth.npz"))
    settings, environment = Settings.read(os.environ), Environment()
    store = store_of(settings)
    reads = SnapshotReader(
        store, SnapshotCache(store, section_cache_of(settings), 1 << 30, environment), environment, RetryPolicy()
    )
    queries = saved["queries"]
    state = reads.open(_NAME, for_search=True)
    search.search(state.index, queries[0], K, 1.0)  # fetches all sections
    found = []
    for recall in (*_RECALLS, 1.0):
        taken, hits = [], 0
        for query, near in zip(queries, saved["near"], strict=True):
            before = time.perf_counter()
            answer = search.search(state.index, query, K, recall)
            taken.append(time.perf_counter() - before)
            hits += len({int(match.id[4:]) for match in answer.matches if match.id[:4] == "row-"} & set(near.tolist()))
        name = f"recall {recall}, by {answer.strategy}"
        found.append((name, float(np.median(taken)) * 1e3, hits / K / len(queries)))
    _report_figures(found=found, peak=peak_memory())


def _report_figures(**facts: object) -> None:
    print(json.dumps(facts))


_STEPS: Mapping[str, Callable[..., None]] = {"build": _build, "cold": _cold, "add": _add, "warm": _warm}

if __name__ == "__main__":
    main()
