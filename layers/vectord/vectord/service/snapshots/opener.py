"""Open an index from the first bytes of its object, or from what a commit has just written."""

from collections.abc import Mapping

import msgspec
from msgspec import structs

from vectord.cache.section_cache import SectionCache
from vectord.cache.section_file import SectionFile
from vectord.errors import BlobCorrupt, BlobError
from vectord.index.codec import decode
from vectord.index.codec.decode import open_version_1
from vectord.index.codec.encode import PreparedBlob
from vectord.index.state import Index
from vectord.lhv1 import frame, params
from vectord.lhv1.envelope import SectionEntry
from vectord.service.snapshots.ranges import RangeReader, cut
from vectord.service.values.environment import Environment
from vectord.storage.base import ObjectHead, Reader


class Snapshot(msgspec.Struct, frozen=True):
    """One state of the index `name`, pinned to the ETag of its object, and the cached files of its sections."""

    name: str
    index: Index
    etag: str
    files: tuple[SectionFile, ...] = ()


class SnapshotOpener:
    """Opens snapshots of one store; the bytes of their sections go to `files`."""

    def __init__(self, store: Reader, files: SectionCache, environment: Environment) -> None:
        self._store, self._files, self._environment = store, files, environment

    def open(self, name: str, head: ObjectHead, previous: Snapshot | None) -> Snapshot:
        """Return the snapshot whose object starts with `head`; it shares what did not change with the `previous` one.

        Raises:
            BlobCorrupt, BlobUnsupported: the object cannot be read.
            ObjectChanged, StoreUnavailable, StoreRefused: while more of it was read.
        """
        try:
            try:
                data, decoded = self._decoded(name, head)
            except frame.VersionOne:
                return self._version_1(name, head)
            if decoded.envelope.params.shards and params.is_shard_name(name):
                raise BlobCorrupt("it is a shard, and says that it is in shards itself")
            files = self._files_of(decoded, head.etag)
            # If the cache cannot hold all of the index, a partly read section would evict what is needed.
            fits = decoded.size <= self._files.budget
            for file, start in _starts(files, decoded).items():
                if not file.whole and (start < len(data) if fits else start + file.size <= len(data)):
                    file.write(0, memoryview(data)[start : start + file.size])
            return self._snapshot(name, head.etag, decoded, files, previous.index if previous else None)
        except BlobError as error:
            raise error.named(name) from error

    def open_committed(self, name: str, encoded: PreparedBlob, etag: str, before: Index) -> Snapshot:
        """Return the snapshot that a commit has just written over `before`, without reading it back."""
        head = frame.Head(encoded.envelope, len(encoded.head), encoded.size)
        files = self._files_of(head, etag)
        for entry, data in encoded.sections:
            if not files[entry].whole:
                files[entry].write(0, data)
        return self._snapshot(name, etag, head, files, before)

    def _decoded(self, name: str, head: ObjectHead) -> tuple[bytes, frame.Head]:
        """Return the bytes read so far and the verified envelope; read more bytes if the envelope is long."""
        data, ranges = head.data, self._ranges(name, head.etag, {}, 0)
        while True:
            try:
                return data, frame.decode_head(data, head.size)
            except frame.Truncated as error:
                data += b"".join(ranges.read([(len(data), error.needed)]))

    def _version_1(self, name: str, head: ObjectHead) -> Snapshot:
        """Return an index of format version 1, which has no sections: it is read whole and stays in memory."""
        data = head.data
        if len(data) < head.size:
            ranges = self._ranges(name, head.etag, {}, 0)
            data = b"".join((data, *ranges.read(list(cut((len(data), head.size))))))
        return Snapshot(name, open_version_1(data, name), head.etag)

    def _snapshot(
        self, name: str, etag: str, head: frame.Head, files: Mapping[SectionEntry, SectionFile], previous: Index | None
    ) -> Snapshot:
        ranges = self._ranges(name, etag, _starts(files, head), self._files.budget)
        return Snapshot(name, decode.open_head(head, files.__getitem__, ranges, previous), etag, tuple(files.values()))

    def _ranges(self, name: str, etag: str, starts: Mapping[SectionFile, int], capacity: int) -> RangeReader:
        return RangeReader(self._store, name, etag, starts, capacity, self._environment)

    def _files_of(self, head: frame.Head, etag: str) -> dict[SectionEntry, SectionFile]:
        """Return the cached file of each section; a section without an id gets one that is unique to this state."""
        return {
            entry: self._files.open(entry if entry.id else structs.replace(entry, id=f"{etag}/{place}"))
            for place, entry in enumerate(head.envelope.sections)
        }


def _starts(files: Mapping[SectionEntry, SectionFile], head: frame.Head) -> dict[SectionFile, int]:
    """Return where in the object each file's bytes start; sections of equal content share a file."""
    return {files[entry]: start for entry, start in zip(head.envelope.sections, head.section_starts(), strict=True)}
