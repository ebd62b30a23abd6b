"""Peers whose index is one file: a cold search downloads it; an add downloads, changes and uploads it."""

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import boto3
import numpy as np

from bench.peers.adapters.peer import F32, Location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Library[T](Protocol):
    """The operations of a library on its index type `T` of unit vectors."""

    def build(self, rows: F32, threads: int) -> T: ...
    def save(self, index: T, path: Path) -> None: ...
    def load(self, path: Path) -> T: ...
    def search(self, index: T, query: F32, effort: Any) -> Sequence[int]: ...
    def add(self, index: T, vectors: F32, first: int) -> T: ...


class FilePeer[T]:
    """A library's file in the bucket, transferred with boto3's defaults: ranges and parts of 8 MB, ten at a time."""

    def __init__(self, library: Library[T], location: Location) -> None:
        self._library, self._location = library, location
        self._built, self._copy = location.folder / "built", location.folder / f"copy-{time.monotonic_ns()}"
        self._index: T | None = None
        self._etag = ""
        self._batch: tuple[F32, int] = np.empty((0, 0), np.float32), 0

    @cached_property
    def _s3(self) -> "S3Client":
        return boto3.client("s3", endpoint_url=self._location.endpoint)

    def build(self, rows: F32) -> int:
        self._library.save(self._library.build(rows, self._location.threads), self._built)
        return self._built.stat().st_size

    def publish(self) -> None:
        self._s3.upload_file(str(self._built), self._location.bucket, self._location.name)

    def warm(self) -> None:
        self._index = self._library.load(self._built)

    def open(self) -> None:
        self._s3.download_file(self._location.bucket, self._location.name, str(self._copy))
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
        self._s3.upload_file(str(grown), self._location.bucket, self._location.name)

    def refresh(self) -> None:
        etag = self._s3.head_object(Bucket=self._location.bucket, Key=self._location.name)["ETag"]
        if etag != self._etag:
            self.open()
            self._etag = etag

    @property
    def _opened(self) -> T:
        if self._index is None:
            raise RuntimeError("no index is open")
        return self._index


def maker[T](library: Callable[[str], Library[T]]) -> Callable[[Location, str], FilePeer[T]]:
    """Return the function `make(location, kind)` of an adapter module."""
    return lambda location, kind: FilePeer(library(kind), location)
