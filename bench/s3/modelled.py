"""A store in memory whose requests take as long as those of S3.

The latencies are medians that turbopuffer publishes for S3 (https://turbopuffer.com/docs/architecture, read in November
2026). The rate of copies is an assumption.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Final

from vectord.storage.base import (
    ByteRange,
    Condition,
    CopySource,
    ListedObject,
    NotModified,
    ObjectHead,
    StoredObject,
)
from vectord.storage.memory import MemoryStore

GET: Final = 0.063  # seconds; the same is assumed for LIST
PUT: Final = 0.100  # seconds; the same is assumed for DELETE
COPIED: Final = 400e6  # bytes a second of all parts of a multipart copy together, which S3 copies at once


class ModelledStore(MemoryStore):
    """A `MemoryStore` that waits in each request. A write is decided in the middle of its last request."""

    def get(self, name: str, known_etag: str | None = None) -> StoredObject | NotModified:
        time.sleep(GET)
        return super().get(name, known_etag)

    def head(
        self, name: str, length: int, known_etag: str | None = None, *, version: str | None = None
    ) -> ObjectHead | NotModified:
        time.sleep(GET)
        return super().head(name, length, known_etag, version=version)

    def read(self, name: str, etag: str, ranges: Sequence[ByteRange], *, version: str | None = None) -> list[bytes]:
        time.sleep(GET)
        return super().read(name, etag, ranges, version=version)

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        time.sleep(PUT / 2)
        try:
            return super().put(name, data, condition, commit)
        finally:
            time.sleep(PUT / 2)

    def splice(
        self, name: str, head: bytes, source: CopySource, *, condition: Condition, commit: str, gives_way: bool = False
    ) -> str:
        """Take as long as a request that begins, parts that are sent and copied at once, and a request that ends."""
        time.sleep(2.5 * PUT + (source.stop - source.start) / COPIED)
        try:
            return super().splice(name, head, source, condition=condition, commit=commit, gives_way=gives_way)
        finally:
            time.sleep(PUT / 2)

    def stage(self, name: str, parts: Iterable[bytes]) -> str:
        time.sleep(PUT)
        return super().stage(name, parts)

    def discard(self, name: str) -> None:
        time.sleep(PUT)
        super().discard(name)

    def staged(self, folder: str) -> list[ListedObject]:
        time.sleep(GET)
        return super().staged(folder)
