"""Peers that keep an index in one file: reading is a download, an add is download, change, upload."""

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import boto3
import numpy as np

from bench.peers.adapters.peer import F32, Place

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Library[T](Protocol):
    """What a library does with an index `T` of unit vectors in memory or in a file."""

    def build(self, rows: F32, threads: int) -> T: ...
    def save(self, index: T, path: Path) -> None: ...
    def load(self, path: Path) -> T: ...
    def search(self, index: T, query: F32, effort: Any) -> Sequence[int]: ...
    def add(self, index: T, vectors: F32, first: int) -> T: ...


class FilePeer[T]:
    """A library's file in the bucket, moved by boto3 as it comes: 8 MB ranges and parts, ten at a time."""

    def __init__(self, library: Library[T], place: Place) -> None:
        self._library, self._place = library, place
        self._built, self._copy = place.folder / "built", place.folder / f"copy-{time.monotonic_ns()}"
        self._index: T | None = None
        self._etag = ""
        self._batch: tuple[F32, int] = np.empty((0, 0), np.float32), 0

    @cached_property
    def _s3(self) -> "S3Client":
        return boto3.client("s3", endpoint_url=self._place.endpoint)

    def build(self, rows: F32) -> int:
        self._library.save(self._library.build(rows, self._place.threads), self._built)
        return self._built.stat().st_size

    def publish(self) -> None:
        self._s3.upload_file(str(self._built), self._place.bucket, self._place.name)

    def warm(self) -> None:
        self._index = self._library.load(self._built)

    def open(self) -> None:
        self._s3.download_file(self._place.bucket, self._place.name, str(self._copy))
        self._index = self._library.load(self._copy)

    def search(self, query: F32, effort: Any) -> Sequence[int]:
        return self._library.search(self._opened, query, effort)

    def prepare(self, vectors: F32, first: int) -> None:
        self._batch = vectors, first

    def add(self) -> None:
        self.open()
        changed = self._library.add(self._opened, *self._batch)
        grown = self._copy.with_suffix(".grown")
        self._library.save(changed, grown)
        self._s3.upload_file(str(grown), self._place.bucket, self._place.name)

    def refresh(self) -> None:
        etag = self._s3.head_object(Bucket=self._place.bucket, Key=self._place.name)["ETag"]
        if etag != self._etag:
            self.open()
            self._etag = etag

    @property
    def _opened(self) -> T:
        if self._index is None:
            raise RuntimeError("no index is open")
        return self._index


def maker[T](library: Callable[[str], Library[T]]) -> Callable[[Place, str], FilePeer[T]]:
    """Return the `make(place, kind)` of a module whose library is made for a kind."""
    return lambda place, kind: FilePeer(library(kind), place)
