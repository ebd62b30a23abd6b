"""Files of vectors in every upload format."""

import base64
import gzip
import io
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import numpy as np

IDS = ["a", "b/ü", "漢 字"]
VECTORS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
METADATA = [{"n": 1}, ["x", None], "text"]


def jsonl() -> bytes:
    return lines(dict(zip(IDS, VECTORS.tolist(), strict=True)), METADATA)


def lines(vectors: Mapping[str, object], metadata: list[object] | None = None) -> bytes:
    rows = [{"id": name, "vector": vector} for name, vector in vectors.items()]
    if metadata is not None:
        rows = [{**row, "metadata": one} for row, one in zip(rows, metadata, strict=True)]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def jsonl_gz() -> bytes:
    packed = {name: base64.b64encode(row.tobytes()).decode() for name, row in zip(IDS, VECTORS, strict=True)}
    return gzip.compress(lines(packed, METADATA))


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, ids=np.array(IDS), vectors=VECTORS, metadata=np.array([json.dumps(one) for one in METADATA]))
    return file.getvalue()


def npy() -> bytes:
    rows = [(name, row, json.dumps(one)) for name, row, one in zip(IDS, VECTORS, METADATA, strict=True)]
    file = io.BytesIO()
    np.save(file, np.array(rows, [("id", "U8"), ("vector", "<f4", (3,)), ("metadata", "U16")]))
    return file.getvalue()


def parquet() -> bytes:
    rows = [[name, row, json.dumps(one)] for name, row, one in zip(IDS, VECTORS.tolist(), METADATA, strict=True)]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("create table rows (id varchar, vector float[], metadata varchar)")
        connection.executemany("insert into rows values ($1, $2, $3)", rows)
        connection.execute(f"copy rows to '{folder}/rows.parquet' (format parquet, compression zstd)")
        return Path(folder, "rows.parquet").read_bytes()


WRITERS: dict[str, Callable[[], bytes]] = {
    ".jsonl": jsonl,
    ".jsonl.gz": jsonl_gz,
    ".npz": npz,
    ".npy": npy,
    ".parquet": parquet,
}
