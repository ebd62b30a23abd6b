"""The store protocol: objects by name, conditional writes, and reads that are pinned to an ETag."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final, Protocol, cast

import msgspec

from vectord.errors import WriteConflict

type ByteRange = tuple[int, int]  # start and stop, in bytes
type Data = bytes | memoryview  # a view of the HTTP library's buffer saves a copy, 25 ms for 20 MB


class IfAbsent(msgspec.Struct, frozen=True):
    """Write only if the object does not exist (If-None-Match: *)."""


class IfMatch(msgspec.Struct, frozen=True):
    """Write or delete only if the object has this ETag."""

    etag: str


Condition = IfAbsent | IfMatch


class WriteInProgress(WriteConflict):
    """Another writer had begun to write the object; this one, with `gives_way`, has written nothing."""


class StoredObject(msgspec.Struct, frozen=True):
    """All bytes of an object and their ETag. An ETag includes its quotes, as in HTTP."""

    data: bytes
    etag: str


class ObjectHead(msgspec.Struct, frozen=True):
    """The first bytes of an object, with the ETag and the size in bytes of the whole object.

    `requests` is the number of requests that read them, one after the other.
    """

    data: Data
    etag: str
    size: int
    requests: int = 1


class NotModified(msgspec.Struct, frozen=True):
    """The object still has the ETag that the caller knows."""


class CopySource(msgspec.Struct, frozen=True):
    """Bytes `start` to `stop` of the object `name` at the ETag `etag`, to be copied inside the store.

    With `version` they are the bytes of that version, which need not be the current one.
    """

    name: str
    etag: str
    start: int
    stop: int
    version: str | None = None


class ListedObject(msgspec.Struct, frozen=True):
    """One object of a listing; `size` in bytes, `modified` in UTC, `etag` with its quotes."""

    name: str
    size: int
    modified: datetime
    etag: str


class ObjectPage(msgspec.Struct, frozen=True):
    """One page of a listing, by name; pass `after` to get the next page; None on the last page."""

    objects: tuple[ListedObject, ...]
    after: str | None


class ObjectVersion(msgspec.Struct, frozen=True):
    """One version of an object: its ETag and its size in `bytes`, or a deletion (None and 0).

    `modified` is in UTC. S3 rounds it to whole seconds; for a multipart upload it is the time when the upload began.
    """

    id: str
    etag: str | None
    bytes: int
    modified: datetime
    latest: bool
    deleted: bool


class VersionPage(msgspec.Struct, frozen=True):
    """Some versions of one object, newest first; pass `after` to get the next page; None on the last page."""

    versions: tuple[ObjectVersion, ...]
    after: str | None


class Reader(Protocol):
    """Reads of heads and ranges of objects by name."""

    def head(self, name: str, length: int, known_etag: str | None = None) -> ObjectHead | NotModified:
        """Return the first `length` bytes of the object, or all of it if it is shorter.

        Return NotModified if the object still has the ETag `known_etag`.

        Raises:
            ObjectNotFound: there is no such object.
        """

    def read(self, name: str, etag: str, ranges: Sequence[ByteRange]) -> Sequence[Data]:
        """Return the bytes of each range of the object at the ETag `etag`, read in parallel; no range, no request.

        Raises:
            ConditionFailed: the object has another ETag.
            ObjectNotFound: the object was deleted.
            StoreUnavailable: no response, or a range ends after the end of the object.
            StoreRefused: a range starts after the end of the object.
        """


class Store(Reader, Protocol):
    """Objects by name: of an index, a shard, a staged object, or a vector bucket (vectord.storage.limits).

    Every method may raise StoreUnavailable or StoreRefused (vectord.errors).

    Methods with a `version` argument then read that version of the object. They raise ObjectVersionNotFound, not
    ObjectNotFound, if the version does not exist or is a deletion.
    """

    def get(self, name: str, known_etag: str | None = None) -> StoredObject | NotModified:
        """Return the object, or NotModified if it still has the ETag `known_etag`.

        Raises:
            ObjectNotFound: there is no such object.
        """

    def etag(self, name: str) -> str:
        """Return the ETag of the object without reading its bytes.

        Raises:
            ObjectNotFound: there is no such object.
        """

    def head(
        self, name: str, length: int, known_etag: str | None = None, *, version: str | None = None
    ) -> ObjectHead | NotModified:
        """Do the same as `Reader.head`."""

    def read(self, name: str, etag: str, ranges: Sequence[ByteRange], *, version: str | None = None) -> Sequence[Data]:
        """Do the same as `Reader.read`."""

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        """Write the object, with `commit` in its user metadata, and return the new ETag.

        Raises:
            ConditionFailed: the condition did not hold; nothing was written.
            WriteConflict: another operation is in progress on the object; nothing was written.
            ObjectNotFound: the condition was IfMatch and there is no object; nothing was written.
            StoreUnavailable: no response; the object may have been written.
        """

    def splice(
        self, name: str, head: bytes, source: CopySource, *, condition: Condition, commit: str, gives_way: bool = False
    ) -> str:
        """Write `head` and the bytes of `source` as the object, and return the new ETag.

        The store copies the bytes of the source; they do not travel. `commit` goes into the user metadata. The object
        is written as a whole or not at all. With `gives_way`, a store may refuse at once if another writer had begun to
        write the object just before; one of several writers that begin together goes on.

        Raises:
            WriteInProgress: with `gives_way` only; nothing was written.
            ValueError: `head` or the source is shorter than a part may be (vectord.storage.limits).
            ConditionFailed: the condition did not hold or the source has another ETag; nothing was written.
            ObjectNotFound: the source does not exist, or IfMatch and there is no object; nothing was written.
            ObjectVersionNotFound: the version of the source does not exist; nothing was written.
            WriteConflict, StoreUnavailable: as for `put`.
        """

    def stage(self, name: str, parts: Iterable[bytes]) -> str:
        """Write a large object under a staging name, part by part and unconditionally, and return its ETag.

        Staged objects do not show in `list`. A `splice` of one must not change the rows of an index: a store may keep
        no copy of what it replaces.

        Raises:
            ValueError: not a staging name, or a part other than the last is too short (vectord.storage.limits).
            WriteConflict, StoreUnavailable: as for `put`.
        """

    def discard(self, name: str) -> None:
        """Delete the staged object `name` if it exists.

        Raises:
            ValueError: not a staging name.
            WriteConflict, StoreUnavailable: as for `put`.
        """

    def staged(self, folder: str) -> Sequence[ListedObject]:
        """Return all staged objects whose names are `folder` and a text without a slash, by name.

        `folder` ends with a slash. Every object is listed whose write was answered before.

        Raises:
            ValueError: not a staging name.
        """

    def delete(self, name: str, condition: IfMatch) -> None:
        """Delete the object.

        Raises:
            ConditionFailed, WriteConflict, ObjectNotFound, StoreUnavailable: as for `put`.
        """

    def list(self, prefix: str, limit: int, after: str | None) -> ObjectPage:
        """Return up to `limit` objects whose names start with `prefix` and come after the name `after`, by name.

        Names sort by code point. With a prefix that starts with `limits.BUCKETS` the objects are those of vector
        buckets, otherwise indexes.
        """

    def versions(self, name: str, limit: int, after: str | None = None) -> VersionPage:
        """Return up to `limit` versions of the object, older than the one with the id `after`.

        The page is empty if the object never existed. A store that keeps no versions returns the current object.

        Raises:
            ObjectVersionNotFound: `after` cannot be a version id. An id that was removed may show any older versions.
        """

    def link(self, name: str, seconds: int, filename: str, *, version: str | None = None) -> str:
        """Return a presigned URL with which its holder can GET the object, as a download called `filename`.

        It does not check that the object exists. The credentials that signed the URL may expire before `seconds`.

        Raises:
            ValueError: `seconds` is not 1 to `LONGEST_LINK`, or `filename` is not a plain ASCII file name.
        """


class MappedObject(msgspec.Struct, frozen=True, eq=False):
    """All bytes of an object at an ETag, mapped read-only; `file` identifies the file that they are in.

    They stay as they are while the file is not changed in place, even after another file got the name of the object.
    """

    data: memoryview
    etag: str
    file: tuple[int, int]


class LocalFiles(Protocol):
    """What a store on this machine offers beside `Store`, so that no byte of an object is copied."""

    def map(self, name: str, etag: str) -> MappedObject:
        """Return the bytes of the object at the ETag `etag`.

        Raises:
            ConditionFailed, ObjectNotFound, StoreUnavailable, StoreRefused: as `Reader.read` does.
        """

    def put_parts(self, name: str, parts: Sequence[Data], condition: Condition, commit: str) -> str:
        """Write the parts, back to back, as the object; otherwise do the same as `Store.put`."""

    def write_early(self, data: Data, offset: int) -> AbstractContextManager[Callable[[], int]]:
        """Write `data` in the background while the block runs, for a `put_parts` of this thread in the block.

        `data`, the same memory, is a part of that object and begins at `offset`. It must not change until the block
        ends. Otherwise nothing remains of it, and what fails is reported by `put_parts` only. The block gets a function
        that returns the CRC-32 of `data`, which is computed in the background, too.
        """

    def crc32(self, data: Data, before: int = 0) -> int:
        """Do the same as `zlib.crc32`, without reading `data` again if this thread has it written early."""

    def missing_bytes(self, parts: Sequence[Data]) -> int:
        """Return how many bytes to add before an early written part of `parts`, so that it begins at its offset."""


_OF_LOCAL_FILES: Final = ("map", "put_parts", "write_early", "missing_bytes")


def local_files(store: Reader) -> LocalFiles | None:
    """Return the store if it is one on this machine.

    `isinstance` of a protocol does the same, and imports inspect: 10 ms of a cold search.
    """
    return cast("LocalFiles", store) if all(hasattr(store, name) for name in _OF_LOCAL_FILES) else None
