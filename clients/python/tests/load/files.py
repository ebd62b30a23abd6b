"""Write rows to a file of each format that a load reads; for the tests of this folder."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import parquet

SMALL = 30_000  # bytes of a batch: 1,000 rows are several batches


def lines(matrix: np.ndarray) -> list[dict]:
    return [{"id": f"id{row}", "vector": vector, "metadata": {"n": row}} for row, vector in enumerate(matrix.tolist())]


def table(matrix: np.ndarray) -> pa.Table:
    return pa.table({
        "id": [f"id{row}" for row in range(len(matrix))],
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), matrix.shape[1]),
        "n": range(len(matrix)),
    })  # fmt: skip


def write_jsonl(path: Path, matrix: np.ndarray) -> None:
    path.write_text("\n".join(map(json.dumps, lines(matrix))) + "\n\n")


def write_gz(path: Path, matrix: np.ndarray) -> None:
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines(matrix))).encode()))


def write_parquet(path: Path, matrix: np.ndarray) -> None:
    parquet.write_table(table(matrix), path, row_group_size=300)


def write_json_parquet(path: Path, matrix: np.ndarray) -> None:
    texts = [json.dumps({"n": row}) for row in range(len(matrix))]
    parquet.write_table(table(matrix).drop(["n"]).append_column("metadata", [texts]), path)


def write_pandas(path: Path, matrix: np.ndarray) -> None:
    table(matrix).to_pandas().to_parquet(path, index=False)


def write_polars(path: Path, matrix: np.ndarray) -> None:
    pl.from_arrow(table(matrix)).write_parquet(path)


def write_csv(path: Path, matrix: np.ndarray) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "vector", "n"])
        writer.writerows([line["id"], json.dumps(line["vector"]), line["metadata"]["n"]] for line in lines(matrix))


def write_compressed(path: Path, matrix: np.ndarray) -> None:
    metadata = np.array([f'{{"n": {row}}}' for row in range(len(matrix))])
    np.savez_compressed(path, ids=[f"id{row}" for row in range(len(matrix))], vectors=matrix, metadata=metadata)


def write_fortran(path: Path, matrix: np.ndarray) -> None:
    metadata = np.array([f'{{"n": {row}}}'.encode() for row in range(len(matrix))])
    ids = np.array([f"id{row}" for row in range(len(matrix))])
    np.savez(path, ids=ids, vectors=np.asfortranarray(matrix.astype(">f8")), metadata=metadata)


def write_fields(path: Path, matrix: np.ndarray) -> None:
    array = np.empty(len(matrix), [("id", "U9"), ("vector", "f4", matrix.shape[1:]), ("metadata", "U20")])
    array["id"] = [f"id{row}" for row in range(len(matrix))]
    array["vector"], array["metadata"] = matrix, [f'{{"n": {row}}}' for row in range(len(matrix))]
    np.save(path, array)


FILES = {
    "a.jsonl": write_jsonl,
    "a.jsonl.gz": write_gz,
    "a.parquet": write_parquet,
    "json.parquet": write_json_parquet,
    "pandas.parquet": write_pandas,
    "polars.parquet": write_polars,
    "a.csv": write_csv,
    "compressed.npz": write_compressed,
    "fortran.npz": write_fortran,
    "fields.npy": write_fields,
}
