"""Write the files in `written/`, as pandas, Polars, pyarrow and numpy write them.

These libraries are not dependencies of this project: run it in an environment that has them, with
`python tests/files/make.py`. Each file has the same twelve rows of dimension 4.
"""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = Path(__file__).parent / "written"
ROWS = 12
IDS = [f"row-{row} é" for row in range(ROWS)]
VECTORS = np.random.default_rng(1).normal(size=(ROWS, 4)).astype(np.float32)
DOCUMENTS = [{"n": row, "text": "x" * row, "flag": row % 2 == 0, "list": [0.5, row]} for row in range(ROWS)]
TEXTS = [json.dumps(document) for document in DOCUMENTS]
LINES = "".join(
    json.dumps({"id": IDS[row], "vector": VECTORS[row].tolist(), "metadata": DOCUMENTS[row]}) + "\n"
    for row in range(ROWS)
)


def _frame() -> pd.DataFrame:
    return pd.DataFrame({"id": IDS, "vector": VECTORS.tolist(), "metadata": TEXTS})


def _table(vector: pa.DataType, metadata: object = DOCUMENTS) -> pa.Table:
    return pa.table({"id": pa.array(IDS), "vector": pa.array(VECTORS.tolist(), vector), "metadata": pa.array(metadata)})


def _arrow(**options: object) -> bytes:
    packed = io.BytesIO()
    pq.write_table(_table(pa.list_(pa.float32()), TEXTS), packed, **options)
    return packed.getvalue()


def _structs() -> bytes:
    packed = io.BytesIO()
    pq.write_table(_table(pa.list_(pa.float64(), 4)), packed)
    return packed.getvalue()


def _half() -> bytes:
    packed = io.BytesIO()
    half = pa.array(VECTORS.astype(np.float16).tolist(), pa.large_list(pa.float16()))
    pq.write_table(pa.table({"id": pa.array(IDS, pa.large_string()), "values": half}), packed)
    return packed.getvalue()


def _categories() -> bytes:
    packed = io.BytesIO()
    frame = _frame().assign(id=pd.Categorical(IDS), vector=(VECTORS * 10).astype(np.int64).tolist())
    frame.to_parquet(packed, index=False, compression="gzip")
    return packed.getvalue()


def _polars(**options: object) -> bytes:
    packed = io.BytesIO()
    frame = pl.DataFrame({"id": IDS, "vector": VECTORS, "metadata": DOCUMENTS})
    frame.write_parquet(packed, **options)
    return packed.getvalue()


def _npy(array: np.ndarray) -> bytes:
    packed = io.BytesIO()
    np.save(packed, array)
    return packed.getvalue()


def _npz(save: Callable[..., None]) -> bytes:
    packed = io.BytesIO()
    save(packed, ids=np.array(IDS), vectors=VECTORS, metadata=np.array(TEXTS))
    return packed.getvalue()


def _fields() -> np.ndarray:
    rows = list(zip(IDS, VECTORS, TEXTS, strict=True))
    return np.array(rows, [("id", "U10"), ("vector", ">f8", (4,)), ("metadata", "S120")])


def _pandas_lines() -> bytes:
    frame = _frame().assign(metadata=DOCUMENTS)
    return frame.to_json(orient="records", lines=True).encode()


FILES: dict[str, Callable[[], bytes]] = {
    "json.jsonl": LINES.encode,
    "pandas.jsonl": _pandas_lines,
    "polars.jsonl": lambda: pl.DataFrame({"id": IDS, "vector": VECTORS.tolist()}).write_ndjson().encode(),
    "python.jsonl.gz": lambda: gzip.compress(LINES.encode(), mtime=0),
    "two-members.jsonl.gz": lambda: b"".join(
        gzip.compress(part, mtime=0) for part in LINES.encode().splitlines(True)[:2]
    ),
    "pandas.jsonl.gz": lambda: gzip.compress(_pandas_lines(), 1, mtime=0),
    "matrix.npy": lambda: _npy(VECTORS),
    "fortran.npy": lambda: _npy(np.asfortranarray(VECTORS.astype(">f2"))),
    "fields.npy": lambda: _npy(_fields()),
    "stored.npz": lambda: _npz(np.savez),
    "compressed.npz": lambda: _npz(np.savez_compressed),
    "pandas.parquet": lambda: _frame().to_parquet(index=False),
    "pandas-categories.parquet": _categories,
    "pyarrow.parquet": _arrow,
    "pyarrow-v2.parquet": lambda: _arrow(data_page_version="2.0", compression="zstd", row_group_size=5),
    "pyarrow-plain.parquet": lambda: _arrow(use_dictionary=False, compression="none", write_page_checksum=True),
    "pyarrow-delta.parquet": lambda: _arrow(
        use_dictionary=False,
        column_encoding={"id": "DELTA_BYTE_ARRAY", "metadata": "DELTA_LENGTH_BYTE_ARRAY"},
        compression="lz4",
    ),
    "pyarrow-brotli.parquet": lambda: _arrow(compression="brotli", write_page_index=True),
    "pyarrow-split.parquet": lambda: _arrow(
        use_dictionary=False, column_encoding={"vector.list.element": "BYTE_STREAM_SPLIT"}
    ),
    "pyarrow-structs.parquet": _structs,
    "pyarrow-half.parquet": _half,
    "polars.parquet": _polars,
    "polars-snappy.parquet": lambda: _polars(compression="snappy", row_group_size=5, use_pyarrow=False),
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, write in FILES.items():
        (FOLDER / name).write_bytes(write())
