"""LanceDB: a table with an IVF_PQ index in S3, read by its own client; the effort is (nprobes, refine_factor)."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import boto3
import lancedb
import numpy as np
import pyarrow as pa
from lancedb.index import IvfPq

from bench.peers.adapters.peer import F32, K, Location

TABLE = "rows"
_SUB_VECTORS = 48  # of 8 dimensions at 384; the default, 24, needs twice the refined rows for the same recall


class Table:
    """A table with the columns `row` and `vector`, built on disk and copied to the bucket file by file."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self._table: Any = None
        self._batch: pa.Table | None = None

    def build(self, rows: F32) -> int:
        table = lancedb.connect(self._local).create_table(TABLE, arrow(rows, 0), mode="overwrite")
        config = IvfPq(distance_type="cosine", num_sub_vectors=sub_vectors(rows.shape[1]))
        table.create_index("vector", config=config)
        return sum(path.stat().st_size for path in (self._location.folder / "built").rglob("*") if path.is_file())

    def publish(self) -> None:
        root = self._location.folder / "built"
        s3 = boto3.client("s3", endpoint_url=self._location.endpoint)
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            s3.upload_file(str(path), self._location.bucket, f"{self._location.name}/{path.relative_to(root)}")

    def warm(self) -> None:
        self._table = lancedb.connect(self._local).open_table(TABLE)

    def open(self) -> None:
        self._table = self._remote.open_table(TABLE)

    def search(self, query: F32, effort: Any) -> Sequence[int]:
        probes, refine = effort
        search = self._table.search(query).distance_type("cosine").nprobes(probes).refine_factor(refine)
        found: list[int] = search.select(["row", "_distance"]).limit(K).to_arrow()["row"].to_pylist()
        return found

    def prepare(self, vectors: F32, first: int) -> None:
        self._batch = arrow(vectors, first)

    def add(self) -> None:
        self.open()
        self._table.add(self._batch)

    def refresh(self) -> None:
        self._table.checkout_latest()

    @property
    def _local(self) -> str:
        return str(self._location.folder / "built")

    @cached_property
    def _remote(self) -> lancedb.DBConnection:
        return connected(self._location)


def connected(location: Location) -> lancedb.DBConnection:
    """Return the database in the bucket."""
    options = {
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "aws_region": "us-east-1",
        "aws_endpoint": location.endpoint,
        "allow_http": "true",
        "aws_virtual_hosted_style_request": "false",
    }
    return lancedb.connect(f"s3://{location.bucket}/{location.name}", storage_options=options)


def sub_vectors(dimension: int) -> int:
    """Return the number of sub-vectors that the index quantizes."""
    return next(parts for parts in (_SUB_VECTORS, dimension // 2, dimension) if dimension % parts == 0)


def arrow(vectors: F32, first: int) -> pa.Table:
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    return pa.table({"row": np.arange(first, first + len(vectors)), "vector": flat})


def make(location: Location, kind: str) -> Table:
    return Table(location)
