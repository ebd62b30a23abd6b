"""Write the files in `written/` and `columns/`, as pandas, Polars, pyarrow and numpy write them.

These libraries are not dependencies of this project: run it in an environment that has them, with
`python tests/files/make.py`. The files in `written/` have the same twelve rows of dimension 4. Those in `columns/` have
two rows, and one column of a type that DuckDB, which the tests have, does not write.
"""

import datetime
import decimal
import gzip
import io
import json
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = Path(__file__).parent
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

_WHEN = datetime.datetime(2020, 1, 2, 3, 4, 5, 123456)
_NANOSECONDS = 1577934245123456789

IDS_OF_TYPES = {
    "binary": pa.array([b"a", "é".encode()], pa.binary()),
    "binary-latin-1": pa.array([b"caf\xe9", b"ok"], pa.binary()),
    "string-view": pa.array(["a", "é"], pa.string_view()),
    "dictionary": pa.array(["a", "é"]).dictionary_encode(),
    "uuid": pa.array([uuid.UUID(int=10).bytes, uuid.UUID(int=2**128 - 1).bytes], pa.uuid()),
    "decimal": pa.array([decimal.Decimal(10**37), decimal.Decimal(-1)], pa.decimal128(38, 0)),
    "float": pa.array([1.0, 2.0]),
    "bool": pa.array([True, False]),
    "timestamp": pa.array([_WHEN, _WHEN]),
}
VECTORS_OF_TYPES = {
    "half": pa.array([[1, 2], [3, 4]], pa.list_(pa.float16())),
    "half-fixed": pa.array([[1, 2], [3, 4]], pa.list_(pa.float16(), 2)),
    "large-list": pa.array([[1, 2], [3, 4]], pa.large_list(pa.uint64())),
    "list-view": pa.array([[1, 2], [3, 4]], pa.list_view(pa.float32())),
    "decimal": pa.array([[decimal.Decimal("1.5"), decimal.Decimal(2)], [decimal.Decimal(3), decimal.Decimal(4)]]),
    "nested": pa.array([[[1.0, 2.0]], [[3.0, 4.0]]]),
    "bool": pa.array([[True], [False]]),
    "text": pa.array(["[1, 2]", "[3, 4]"]),
    "binary": pa.array([b"\0\0\x80?", b"\0\0\x80?"]),
    "structs": pa.array([[{"x": 1.0}], [{"x": 2.0}]]),
    "map": pa.array([[("x", 1.0)], [("y", 2.0)]], pa.map_(pa.string(), pa.float64())),
    "nulls": pa.array([[None], [None]], pa.list_(pa.null())),
    "empty-struct": pa.array([{"x": 1.0}, {"x": 2.0}]),
}
_CASES = pa.struct([("a", pa.int64()), ("A", pa.int64())])
METADATA_OF_TYPES = {
    "case": pa.array([{"a": 1, "A": 2}] * 2, _CASES),
    "case-deep": pa.array([{"x": [{"a": 1, "A": 2}]}] * 2, pa.struct([("x", pa.list_(_CASES))])),
    "nameless": pa.array([{"x": [{"": 1}]}] * 2),
    "nan": pa.array([{"x": [1.0, 2.0]}, {"x": [1.0, float("nan")]}]),
    "infinity": pa.array([{"x": {"y": 1.0}}, {"x": {"y": float("-inf")}}]),
    "binary": pa.array([{"x": b"a"}] * 2),
    "integers": pa.array([{"x": 2**64 - 1}, {"x": 1}], pa.struct([("x", pa.uint64())])),
    "decimals": pa.array(
        [{"x": decimal.Decimal("0.05"), "y": decimal.Decimal(2**80)}] * 2,
        pa.struct([("x", pa.decimal128(2, 2)), ("y", pa.decimal128(38, 0))]),
    ),
    "decimal-38": pa.array([{"x": decimal.Decimal("0.05")}] * 2, pa.struct([("x", pa.decimal128(38, 38))])),
    "times": pa.array(
        [{"t": _WHEN, "z": _WHEN, "n": _NANOSECONDS, "d": _WHEN.date(), "c": _WHEN.time()}] * 2,
        pa.struct(
            [
                ("t", pa.timestamp("us")),
                ("z", pa.timestamp("ms", tz="Europe/Berlin")),
                ("n", pa.timestamp("ns", tz="UTC")),
                ("d", pa.date32()),
                ("c", pa.time64("us")),
            ]
        ),
    ),
    "map": pa.array([[("k", [1]), ("é", None)], []], pa.map_(pa.string(), pa.list_(pa.int8()))),
    "map-of-integers": pa.array([[(1, 1)], []], pa.map_(pa.int64(), pa.int64())),
    "dictionary": pa.array([{"x": "a"}, {"x": "b"}]),
    "json": pa.array(['{"x": 1.0}', "null"], pa.json_()),
    "null": pa.nulls(2),
}


def _column(id_column: pa.Array, vector: pa.Array, metadata: pa.Array | None) -> bytes:
    packed = io.BytesIO()
    columns = {"id": id_column, "vector": vector, **({} if metadata is None else {"metadata": metadata})}
    pq.write_table(pa.table(columns), packed, compression="none")
    return packed.getvalue()


if __name__ == "__main__":
    for name, write in FILES.items():
        (FOLDER / "written" / name).write_bytes(write())
    ids, vectors = pa.array(["a", "b"]), pa.array([[1.0, 2.0], [3.0, 4.0]])
    for kind, array in IDS_OF_TYPES.items():
        (FOLDER / "columns" / f"id-{kind}.parquet").write_bytes(_column(array, vectors, None))
    for kind, array in VECTORS_OF_TYPES.items():
        (FOLDER / "columns" / f"vector-{kind}.parquet").write_bytes(_column(ids, array, None))
    for kind, array in METADATA_OF_TYPES.items():
        (FOLDER / "columns" / f"metadata-{kind}.parquet").write_bytes(_column(ids, vectors, array))
