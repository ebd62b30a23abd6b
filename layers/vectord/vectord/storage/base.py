"""What the service asks of a store: objects by name, each write under a condition, each state under an ETag."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

type Span = tuple[int, int]  # bytes from start up to stop


class IfAbsent(msgspec.Struct, frozen=True):
    """Write only where no object is (If-None-Match: *)."""


class IfMatch(msgspec.Struct, frozen=True):
    """Write or delete only while the object is at this ETag."""

    etag: str


Condition = IfAbsent | IfMatch


class Fetched(msgspec.Struct, frozen=True):
    """An object's bytes and the ETag of exactly these bytes, with its quotes, as HTTP carries it."""

    data: bytes
    etag: str


class Head(msgspec.Struct, frozen=True):
    """The first bytes of an object, the ETag of all of it, and the size of all of it in bytes."""

    data: bytes
    etag: str
    size: int


class Source(msgspec.Struct, frozen=True):
    """Bytes `start` up to `stop` of the object `name` in its state `etag`, to be copied inside the store.

    With `version` they are those of that version, which need not be the present one.
    """

    name: str
    etag: str
    start: int
    stop: int
    version: str | None = None


class Unchanged(msgspec.Struct, frozen=True):
    """The object is still at the ETag that the caller has."""


class Listed(msgspec.Struct, frozen=True):
    """One object of a listing; `size` in bytes, `modified` in UTC."""

    name: str
    size: int
    modified: datetime


class Page(msgspec.Struct, frozen=True):
    """Some objects in the store's order; `after` continues the listing, None at its end."""

    objects: tuple[Listed, ...]
    after: str | None


class Version(msgspec.Struct, frozen=True):
    """One version of an object: a state with its ETag and its size in `bytes`, or a deletion with neither.

    `modified` in UTC; S3 gives whole seconds, and for an object made of parts the moment when those began.
    """

    id: str
    etag: str | None
    bytes: int
    modified: datetime
    latest: bool
    deleted: bool


class VersionPage(msgspec.Struct, frozen=True):
    """Some versions of one object, newest first; `after` continues the listing, None at its end."""

    versions: tuple[Version, ...]
    after: str | None


class Reader(Protocol):
    """Heads and ranges of objects by name."""

    def head(self, name: str, most: int, held: str | None = None) -> Head | Unchanged:
        """Return the object's first `most` bytes, all of it if it is shorter, or Unchanged if still at ETag `held`.

        Raises:
            ObjectNotFound: there is none.
        """

    def read(self, name: str, etag: str, spans: Sequence[Span]) -> list[bytes]:
        """Return the bytes of each span of exactly the state `etag`, fetched side by side; no span, no request.

        Raises:
            ConditionFailed: the object is at another ETag by now.
            ObjectNotFound: it is gone.
            StoreUnavailable: no answer, or a span ends after the object does.
            StoreRefused: a span starts after the object's end.
        """


class Store(Reader, Protocol):
    """Objects by index name. Every method may raise StoreUnavailable or StoreRefused (vectord.errors).

    Where one takes a `version`, it speaks of that version of the object, and raises ObjectVersionNotFound rather than
    ObjectNotFound if there is no such version or if it is a deletion.
    """

    def get(self, name: str, held: str | None = None) -> Fetched | Unchanged:
        """Return the object, or Unchanged if it is still at the ETag `held`.

        Raises:
            ObjectNotFound: there is none.
        """

    def etag(self, name: str) -> str:
        """Return the object's ETag without its bytes.

        Raises:
            ObjectNotFound: there is none.
        """

    def head(self, name: str, most: int, held: str | None = None, *, version: str | None = None) -> Head | Unchanged:
        """Do what `Reader.head` does."""

    def read(self, name: str, etag: str, spans: Sequence[Span], *, version: str | None = None) -> list[bytes]:
        """Do what `Reader.read` does."""

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        """Write the object, with `commit` in its user metadata, and return the new ETag.

        Raises:
            ConditionFailed: the condition did not hold; nothing was written.
            WriteConflict: another operation is in progress on the object; nothing was written.
            ObjectNotFound: IfMatch met no object; nothing was written.
            StoreUnavailable: no answer; it may have been written.
        """

    def splice(self, name: str, head: bytes, source: Source, tail: bytes, *, condition: Condition, commit: str) -> str:
        """Write `head`, the source's bytes and `tail` as the object; the source's bytes never leave the store.

        `commit` goes into its user metadata; the answer is the new ETag. The whole is written or nothing is.

        Raises:
            ValueError: `head` or the source is shorter than a part may be (vectord.stores.parts).
            ConditionFailed: the condition did not hold or the source is at another ETag; nothing was written.
            ObjectNotFound: the source is gone, or IfMatch met no object; nothing was written.
            ObjectVersionNotFound: the source's version is gone; nothing was written.
            WriteConflict, StoreUnavailable: as `put` does.
        """

    def stage(self, name: str, parts: Iterable[bytes]) -> str:
        """Write a large object under a staging name, part by part and under no condition; return its ETag.

        What is staged never shows in `list`.

        Raises:
            ValueError: no staging name, or a part but the last is shorter than a part may be (vectord.stores.parts).
        """

    def discard(self, name: str) -> None:
        """Delete what is staged under `name`, if anything is.

        Raises:
            ValueError: no staging name.
        """

    def delete(self, name: str, condition: IfMatch) -> None:
        """Delete the object.

        Raises:
            ConditionFailed, WriteConflict, ObjectNotFound, StoreUnavailable: as `put` does.
        """

    def list(self, prefix: str, limit: int, after: str | None) -> Page:
        """Return up to `limit` objects whose names start with `prefix`, after the one named `after`."""

    def versions(self, name: str, limit: int, after: str | None = None) -> VersionPage:
        """Return up to `limit` versions of the object, after the one whose id is `after`; none if it never was.

        A store that keeps no versions answers the object that is there.

        Raises:
            ObjectVersionNotFound: `after` cannot be an id; one that is gone may show anything older.
        """

    def link(self, name: str, seconds: int, filename: str, *, version: str | None = None) -> str:
        """Return a URL by which anybody may GET the object for so long, as a download called `filename`.

        It is not checked that there is such an object. The credentials that made the link may expire before it does.

        Raises:
            ValueError: not 1 to `LONGEST_LINK` seconds, or not a plain ASCII file name.
        """
