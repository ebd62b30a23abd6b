"""Reading files of vectors, compared with the build of an index of the same rows: throughput and peak memory."""

import base64
import gzip
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import msgspec
import numpy as np

from bench.data import Dataset
from bench.memory import peak_memory
from vectord.index import mutations, state
from vectord.index.codec import encode
from vectord.lhv1.params import new_params
from vectord.readers.entry import NewVector
from vectord.readers.files import entries_of_file
from vectord.service.values import validation

FORMATS: Final = (".jsonl", ".jsonl.gz", "base64.jsonl", ".npz", ".parquet")
MOST: Final = 20_000
_RUNS = 3


@dataclass(frozen=True, slots=True)
class Ingested:
    """Bytes of the file; seconds to parse and validate it and to build its index, best of a few runs; peak memory."""

    size: int
    parse: float
    build: float
    peak: int


def measure(data: Dataset) -> dict[str, Ingested]:
    """Return the cost of each format, each measured in its own process, with the first MOST rows."""
    with tempfile.TemporaryDirectory(prefix="vectord-bench-") as folder:
        for kind in FORMATS:
            _write(data, Path(folder, f"x{kind}"), kind)
        return {kind: _fresh(Path(folder, f"x{kind}")) for kind in FORMATS}


def _fresh(path: Path) -> Ingested:
    ran = subprocess.run(
        [sys.executable, "-m", "bench.alone.ingest", str(path)], check=True, capture_output=True, text=True
    )
    return Ingested(**json.loads(ran.stdout))


def _write(data: Dataset, path: Path, kind: str) -> None:
    vectors = data.rows.vectors[:MOST]
    if kind == ".npz":
        np.savez_compressed(path, ids=np.array(data.rows.ids[:MOST]), vectors=vectors)
    elif kind == ".parquet":
        _write_parquet(data, path)
    else:
        packed = kind == "base64.jsonl"
        lines = b"\n".join(
            msgspec.json.encode(
                {"id": name, "vector": base64.b64encode(vector.tobytes()).decode() if packed else vector.tolist()}
            )
            for name, vector in zip(data.rows.ids[:MOST], vectors, strict=True)
        )
        path.write_bytes(gzip.compress(lines) if kind.endswith(".gz") else lines)


def _write_parquet(data: Dataset, path: Path) -> None:
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as lines:
        for name, vector in zip(data.rows.ids[:MOST], data.rows.vectors[:MOST], strict=True):
            lines.write(msgspec.json.encode({"id": name, "vector": vector.tolist()}) + b"\n")
        lines.flush()
        duckdb.sql(
            f"copy (select id::varchar as id, vector::float[] as vector from read_json('{lines.name}')) "
            f"to '{path}' (format parquet)"
        )


def _ingest(path: Path) -> Ingested:
    packed = path.read_bytes()
    parse = build = float("inf")
    for _ in range(_RUNS):
        start = time.perf_counter()
        entries = list(entries_of_file(path.name, packed, 1 << 32))
        first = next(entry for entry in entries if isinstance(entry, NewVector))
        params = new_params("t", len(first.vector))
        items = validation.validated_items(entries, params)
        parsed = time.perf_counter()
        empty = state.empty_index(params)
        encode.encode(mutations.upsert(empty, items)[0], "t", "c")
        parse, build = min(parse, parsed - start), min(build, time.perf_counter() - parsed)
    return Ingested(len(packed), parse, build, peak_memory())


def main() -> None:
    """Measure the file that the command line names and print the result as JSON."""
    sys.stdout.write(msgspec.json.encode(_ingest(Path(sys.argv[1]))).decode())


if __name__ == "__main__":
    main()
