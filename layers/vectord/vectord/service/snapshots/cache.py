"""Warm state: indexes that this process has opened, each under the ETag of its blob."""

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Final

import msgspec

from vectord.cache.section_cache import SectionCache
from vectord.cache.section_file import SectionFile
from vectord.errors import BlobCorrupt, BlobError
from vectord.index.codec import decode
from vectord.index.state import Index
from vectord.lhv1 import frame, params
from vectord.lhv1.envelope import SectionEntry
from vectord.service.environment import Environment
from vectord.service.snapshots.ranges import RangeReader, cut
from vectord.storage.base import ObjectHead, Reader

if TYPE_CHECKING:
    from vectord.index.codec.encode import PreparedBlob  # of writes, which a read does without

# What the first request asks for: the whole of a very small index, the envelope of a large one.
HEAD_BYTES: Final = 64 << 10
# And ahead of a search: the whole of a small index, or the envelope and the sketch of a large one, some 100,000 rows of
# 384 dimensions. To ask for it once the envelope is known would take as long again as 1.9 MB (25 ms, 75 MB/s).
AHEAD_BYTES: Final = (16 << 10) + 100_000 * 384 // 8


class Snapshot(msgspec.Struct, frozen=True):
    """An index, the ETag of exactly the blob that holds it, and the local files of its sections."""

    index: Index
    etag: str
    files: tuple[SectionFile, ...] = ()


class SnapshotCache:
    """Keeps the indexes used last, up to `budget` bytes of what they hold in memory, and always the newest one.

    Their sections lie in `files`, which have a budget of their own.
    """

    def __init__(self, store: Reader, files: SectionCache, budget: int, environment: Environment) -> None:
        self._store, self._files, self._budget, self._world = store, files, budget, environment
        self._held: OrderedDict[str, Snapshot] = OrderedDict()
        self._seen: dict[str, float] = {}  # when each of them was present, by what the store said later
        self._lock = Lock()

    def read(self, name: str, *, ahead: bool = False) -> Snapshot:
        """Return the present state by one conditional GET of the head; what did not change does not travel again.

        Where nothing is held yet, bytes beyond the head are asked for with it if they are wanted `ahead`.

        Raises:
            ObjectNotFound, StoreUnavailable, StoreRefused: as the store's `head` does.
            ObjectChanged: it changed while it was read.
            BlobCorrupt, BlobUnsupported: the object under `name` cannot be read.
        """
        held = self._still_held(name)
        start = self._world.now()
        most = AHEAD_BYTES if ahead and held is None else HEAD_BYTES
        answer = self._store.head(name, most, held.etag if held else None)
        self._world.meter.add("ReadRequests")
        if isinstance(answer, ObjectHead):
            self._world.meter.add("ReadBytes", len(answer.data))
            opened = self.keep(name, self._open(name, answer, held), start)
            self._world.meter.add("ColdLoads")
            self._world.meter.add("ColdLoadMilliseconds", (self._world.now() - start) * 1000)
            return opened
        if held is None:
            raise AssertionError("a store may return NotModified only if it was given an ETag")
        self._world.meter.add("CacheHits")
        return self.keep(name, held, start)

    def recent(self, name: str, staleness: float) -> Snapshot | None:
        """Return the state that is held if it was the present one at most `staleness` seconds ago; ask nobody."""
        held = self._still_held(name)
        seen = self._seen.get(name)
        if held is None or seen is None or self._world.now() - seen > staleness:
            return None
        self._world.meter.add("CacheHits")
        return held

    def adopt(self, name: str, encoded: "PreparedBlob", etag: str, before: Index, *, since: float) -> Snapshot:
        """Keep the state that a commit of ours wrote over `before`, without reading it back.

        `since` is when the commit was sent, on the world's clock.
        """
        head = frame.decode_head(encoded.head, encoded.size)
        files = self._files_of(head, etag)
        for entry, data in encoded.sections:
            if not files[entry].whole:
                files[entry].write(0, data)
        return self.keep(name, self._versioned(name, etag, head, files, before), since)

    def keep(self, name: str, state: Snapshot, seen: float) -> Snapshot:
        """Hold `state`, which was the present one at `seen` or later."""
        with self._lock:
            self._held[name] = state
            self._seen[name] = seen
            self._held.move_to_end(name)
            # An evicted file takes its space until nobody holds it.
            for other in [other for other, held in self._held.items() if other != name and not self._kept(held)]:
                del self._held[other]
            while len(self._held) > 1 and sum(held.index.body_start for held in self._held.values()) > self._budget:
                self._held.popitem(last=False)
            self._seen = {kept: self._seen[kept] for kept in self._held}
        return state

    def _still_held(self, name: str) -> Snapshot | None:
        with self._lock:
            held = self._held.get(name)
            if held and not self._kept(held):
                del self._held[name]
                return None
        for file in held.files if held else ():
            self._files.touch(file)
        return held

    def _kept(self, state: Snapshot) -> bool:
        return all(map(self._files.contains, state.files))

    def forget(self, name: str) -> None:
        with self._lock:
            self._held.pop(name, None)

    def _open(self, name: str, answer: ObjectHead, held: Snapshot | None) -> Snapshot:
        try:
            try:
                data, head = self._decoded(name, answer)
            except frame.VersionOne:
                return self._opened_whole(name, answer)
            if head.envelope.params.shards and params.is_shard_name(name):
                raise BlobCorrupt("it is a shard, and says that it is in shards itself")
            files = self._files_of(head, answer.etag)
            # Where not all of it can stay, parts that nobody asked for would push out what is needed.
            fits = head.size <= self._files.budget
            for file, start in _starts(files, head).items():
                if not file.whole and (start < len(data) if fits else start + file.size <= len(data)):
                    file.write(0, memoryview(data)[start : start + file.size])
            return self._versioned(name, answer.etag, head, files, held.index if held else None)
        except BlobError as error:
            raise type(error)(error.reason, name) from error

    def _decoded(self, name: str, answer: ObjectHead) -> tuple[bytes, frame.Head]:
        """Return the verified envelope and the bytes read so far, more of them where the envelope is long."""
        data, pinned = answer.data, RangeReader(self._store, name, answer.etag, {}, 0, self._world)
        while True:
            try:
                return data, frame.decode_head(data, answer.size)
            except frame.Truncated as error:
                data += b"".join(pinned.read([(len(data), error.needed)]))

    def _opened_whole(self, name: str, answer: ObjectHead) -> Snapshot:
        """Return an index of version 1, which cannot be read by ranges; nothing of it lies in files."""
        from vectord.index.codec.decode import open_version_1  # noqa: PLC0415 - what few blobs need

        blob, span = answer.data, (len(answer.data), answer.size)
        if len(blob) < answer.size:
            pinned = RangeReader(self._store, name, answer.etag, {}, 0, self._world)
            blob = b"".join((blob, *pinned.read(list(cut(span)))))
        return Snapshot(open_version_1(blob, name), answer.etag)

    def _versioned(
        self, name: str, etag: str, head: frame.Head, files: Mapping[SectionEntry, SectionFile], held: Index | None
    ) -> Snapshot:
        pinned = RangeReader(self._store, name, etag, _starts(files, head), self._files.budget, self._world)
        return Snapshot(decode.open_head(head, files.__getitem__, pinned, held), etag, tuple(files.values()))

    def _files_of(self, head: frame.Head, etag: str) -> dict[SectionEntry, SectionFile]:
        """Return the local file of each section; one that has no id of its own is kept for this state alone."""
        return {
            entry: self._files.open(entry if entry.id else msgspec.structs.replace(entry, id=f"{etag}/{place}"))
            for place, entry in enumerate(head.envelope.sections)
        }


def _starts(files: Mapping[SectionEntry, SectionFile], head: frame.Head) -> dict[SectionFile, int]:
    """Return where in the object each file's bytes start; sections of equal content share a file."""
    return {files[entry]: start for entry, start in zip(head.envelope.sections, head.section_starts(), strict=True)}
