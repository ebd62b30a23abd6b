"""Export an index as a file: the response contains a small file, or a link to a larger one that is staged."""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

from vectord.errors import AnswerTooLarge, BlobError, IndexNotFound, RequestInvalid
from vectord.index.state import Index
from vectord.lhv1.params import Params
from vectord.readers.entry import VectorEncoding
from vectord.service.commit import build_policy
from vectord.service.indexes import VectorIndex
from vectord.service.service import Service
from vectord.service.sharding.index import ShardedIndex, missing_shard_error
from vectord.service.sharding.merge import etag_of
from vectord.service.sharding.placement import shard_names
from vectord.service.single.index import SingleIndex
from vectord.service.snapshots.cache import Snapshot
from vectord.service.values.environment import Environment
from vectord.service.values.options import STRONG, Deadline, ReadOptions
from vectord.storage.limits import STAGING
from vectord.writers.batches import fetch
from vectord.writers.export import Format, export, export_rows
from vectord.writers.plain_form import needs_build

MAX_INLINE: Final = 4 << 20  # bytes of a file that fit into a response, as base64
LINK_SECONDS: Final = 3_600

_COPIES: Final = 2  # of the vectors on disk while a Parquet file is written


class ExportRequest(msgspec.Struct, frozen=True):
    """The format of the file, whether the response must be a link, and how vectors are written in JSONL."""

    format: Format
    linked: bool = False
    encoding: VectorEncoding = "array"


class File(msgspec.Struct, frozen=True):
    """A file of `size` bytes: its `data`, or a URL that is valid for LINK_SECONDS."""

    size: int
    data: bytes | None = None
    url: str | None = None


class Exported(msgspec.Struct, frozen=True):
    """A file of all rows of the state `etag`."""

    file: File
    etag: str


class Exports:
    """Exports the indexes of a service."""

    def __init__(self, service: Service, folder: Path, disk_bytes: int) -> None:
        """Use `folder` for temporary files, up to `disk_bytes`."""
        self.service, self._folder, self._disk_bytes = service, folder, disk_bytes

    @property
    def environment(self) -> Environment:
        return self.service.environment

    def export(self, name: str, request: ExportRequest, deadline: Deadline, read: ReadOptions = STRONG) -> Exported:
        """Write all rows of an index, or of an earlier state of it, to a file.

        Raises:
            RequestInvalid: the format, or `as_of`, is not available for a sharded index.
            AnswerTooLarge: the function has not enough time or disk for the file.
            IndexNotFound, VersionNotFound, BlobError, StorageSilent, StoreRefused
        """

        def use(index: VectorIndex) -> Exported:
            if isinstance(index, SingleIndex):
                return self._export_single(_fetch_snapshot(index), request, deadline)
            if isinstance(index, ShardedIndex):
                return self._export_shards(index.parent, request, deadline)
            raise AssertionError("an index is single or sharded")

        return self.service.run(name, deadline, read, use)

    def _export_single(self, snapshot: Snapshot, request: ExportRequest, deadline: Deadline) -> Exported:
        index, commit_id = snapshot.index, self.environment.new_id()
        self._check_disk(request.format, len(index), index.params.dimension)
        self._check_time(index, request.format, deadline)

        def parts() -> Iterator[bytes]:
            return export(index, request.format, snapshot.name, commit_id, self._folder, encoding=request.encoding)

        return Exported(self._file(snapshot.name, request, parts, deadline), snapshot.etag)

    def _export_shards(self, parent: Params, request: ExportRequest, deadline: Deadline) -> Exported:
        kind = request.format
        if kind == "lhv1":
            raise RequestInvalid(
                f"index {parent.name!r} has {parent.shards} shards, and a file of format 'lhv1' contains one object: "
                "export it as jsonl, jsonl.gz or parquet"
            )
        etags: list[str] = []

        def parts() -> Iterator[bytes]:
            etags.clear()
            shards = self._shard_indexes(parent, kind, deadline, etags)
            return export_rows(shards, parent.dimension, kind, self._folder, encoding=request.encoding)

        file = self._file(parent.name, request, parts, deadline)
        return Exported(file, etag_of(parent, etags))

    def _shard_indexes(self, parent: Params, kind: Format, deadline: Deadline, etags: list[str]) -> Iterator[Index]:
        """Yield the present state of one shard after the other, and append their ETags to `etags`."""
        rows = 0
        for shard in shard_names(parent):
            try:
                snapshot = self.service.shard_requests.use(shard, deadline, STRONG, _fetch_snapshot)
            except IndexNotFound:
                raise missing_shard_error(self.service.reader, parent, shard, deadline) from None
            rows += len(snapshot.index)
            self._check_disk(kind, rows, parent.dimension)
            etags.append(snapshot.etag)
            yield snapshot.index

    def _check_time(self, index: Index, kind: Format, deadline: Deadline) -> None:
        if (
            kind == "lhv1"
            and needs_build(index)
            and build_policy.build_seconds(index) > self.environment.left(deadline)
        ):
            raise AnswerTooLarge(
                f"index {index.params.name!r} has changed since its graph was built, and a new build takes longer "
                "than a request may take: compact the index first, or export it as jsonl, jsonl.gz or parquet"
            )

    def _check_disk(self, kind: Format, rows: int, dimension: int) -> None:
        needed = _COPIES * 4 * rows * dimension
        if kind == "parquet" and needed > self._disk_bytes:
            raise AnswerTooLarge(
                f"writing the Parquet file needs {needed:,} bytes of disk, and {self._disk_bytes:,} are available: "
                "export the index as jsonl or jsonl.gz"
            )

    def _file(
        self, name: str, request: ExportRequest, parts: Callable[[], Iterator[bytes]], deadline: Deadline
    ) -> File:
        def once() -> File:
            chunks = self._until_deadline(parts(), deadline)
            first, second = next(chunks, b""), next(chunks, None)
            if second is None and len(first) <= MAX_INLINE and not request.linked:
                return File(len(first), data=first)
            rest = chunks if second is None else chain([second], chunks)
            return self._stage(f"{name}.{request.format}", chain([first], rest))

        try:
            file = self.service.reader.retry(deadline, once)
        except BlobError as error:
            raise error.with_index(error.index or name) from error
        self.environment.meter.add("ExportedBytes", file.size)
        return file

    def _stage(self, filename: str, parts: Iterator[bytes]) -> File:
        size, name = 0, f"{STAGING}{self.environment.new_id()}"

        def counted() -> Iterator[bytes]:
            nonlocal size
            for part in parts:
                size += len(part)
                yield part

        store = self.service.reader.store
        with self.environment.timed("StageMilliseconds"):
            store.stage(name, counted())
        return File(size, url=store.link(name, LINK_SECONDS, filename))

    def _until_deadline(self, parts: Iterator[bytes], deadline: Deadline) -> Iterator[bytes]:
        """Yield the parts; raise AnswerTooLarge at the deadline."""
        for part in parts:
            if self.environment.left(deadline) <= 0:
                raise AnswerTooLarge(
                    "writing the file takes longer than a request may take: export it as lhv1, which needs a tenth of "
                    "the time if no build is due, or download the object of the index"
                )
            yield part


def _fetch_snapshot(single: SingleIndex) -> Snapshot:
    """Return the snapshot with all its bytes cached, so that a change cannot interrupt the export."""
    index = single.snapshot.index
    capacity = index.fetch.capacity
    if index.size > capacity:
        raise AnswerTooLarge(
            f"index {single.name!r} has {index.size:,} bytes, and exports have {capacity:,} bytes of disk"
        )
    fetch(index)
    return single.snapshot
