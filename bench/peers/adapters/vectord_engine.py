"""vectord's engine without its service: builds the object of an index and answers warm searches.

This is the only module of the comparison that uses vectord's internals. The effort is the target recall.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
import msgspec

from bench.peers.adapters.peer import F32, K, Location
from bench.peers.adapters.vectord import PREFIX, id_of, row_of
from vectord.index import rows as index_rows
from vectord.index import state
from vectord.index.codec import decode, encode
from vectord.index.mutations import with_rows
from vectord.index.query import search as query_search
from vectord.index.state import Index
from vectord.lhv1.params import new_params

_COMMIT = "0" * 32


class Engine:
    """An index with an id and small metadata for each row, which the peers' files do not have."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self._index: Index | None = None

    def build(self, rows: F32) -> int:
        ids = [id_of(row) for row in range(len(rows))]
        metadata = {vector_id: msgspec.Raw(b'{"row":%d}' % row) for row, vector_id in enumerate(ids)}
        empty = state.empty_index(new_params(self._location.name, rows.shape[1]))
        encoded = encode.encode(with_rows(empty, index_rows.Rows(ids, rows, metadata)), self._location.name, _COMMIT)
        return self._blob.write_bytes(encoded.blob)

    def publish(self) -> None:
        s3 = boto3.client("s3", endpoint_url=self._location.endpoint)
        key = f"{PREFIX}/{self._location.name}.lhv1"
        s3.put_object(Bucket=self._location.bucket, Key=key, Body=self._blob.read_bytes())

    def warm(self) -> None:
        self._index = decode.open_blob(self._blob.read_bytes())

    def search(self, query: F32, effort: Any) -> Sequence[int]:
        if self._index is None:
            raise RuntimeError("no index is open")
        return [row_of(match.id) for match in query_search.search(self._index, query, K, effort).matches]

    @property
    def _blob(self) -> Path:
        return self._location.folder / "built"


def make(location: Location, kind: str) -> Engine:
    return Engine(location)
