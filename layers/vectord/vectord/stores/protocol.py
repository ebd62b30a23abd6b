"""What the service asks of a store: objects by name, each write under a condition, each state under an ETag."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

type Span = tuple[int, int]  # bytes from start up to stop


@dataclass(frozen=True, slots=True)
class IfAbsent:
    """Write only where no object is (If-None-Match: *)."""


@dataclass(frozen=True, slots=True)
class IfMatch:
    """Write or delete only while the object is at this ETag."""

    etag: str


Condition = IfAbsent | IfMatch


@dataclass(frozen=True, slots=True)
class Fetched:
    """An object's bytes and the ETag of exactly these bytes, with its quotes, as HTTP carries it."""

    data: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Head:
    """The first bytes of an object, the ETag of all of it, and the size of all of it in bytes."""

    data: bytes
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes `start` up to `stop` of the object `name` in its state `etag`, to be copied inside the store."""

    name: str
    etag: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The object is still at the ETag that the caller has."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One object of a listing; `size` in bytes, `modified` in UTC."""

    name: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects in the store's order; `after` continues the listing, None at its end."""

    objects: tuple[Listed, ...]
    after: str | None


class Store(Protocol):
    """Objects by index name. Every method may raise StoreUnavailable or StoreRefused (vectord.errors)."""

    def get(self, name: str, held: str | None = None) -> Fetched | Unchanged:
        """Return the object, or Unchanged if it is still at the ETag `held`.

        Raises:
            ObjectMissing: there is none.
        """

    def etag(self, name: str) -> str:
        """Return the object's ETag without its bytes.

        Raises:
            ObjectMissing: there is none.
        """

    def head(self, name: str, most: int, held: str | None = None) -> Head | Unchanged:
        """Return the object's first `most` bytes, all of it if it is shorter, or Unchanged if still at ETag `held`.

        Raises:
            ObjectMissing: there is none.
        """

    def read(self, name: str, etag: str, spans: Sequence[Span]) -> list[bytes]:
        """Return the bytes of each span of exactly the state `etag`, fetched side by side; no span, no request.

        Raises:
            ConditionFailed: the object is at another ETag by now.
            ObjectMissing: it is gone.
            StoreUnavailable: no answer, or a span ends after the object does.
            StoreRefused: a span starts after the object's end.
        """

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        """Write the object, with `commit` in its user metadata, and return the new ETag.

        Raises:
            ConditionFailed: the condition did not hold; nothing was written.
            WriteConflict: another operation is in progress on the object; nothing was written.
            ObjectMissing: IfMatch met no object; nothing was written.
            StoreUnavailable: no answer; it may have been written.
        """

    def splice(self, name: str, head: bytes, source: Source, tail: bytes, *, condition: Condition, commit: str) -> str:
        """Write `head`, the source's bytes and `tail` as the object; the source's bytes never leave the store.

        `commit` goes into its user metadata; the answer is the new ETag. The whole is written or nothing is.

        Raises:
            ValueError: `head` or the source is shorter than a part may be (vectord.stores.parts).
            ConditionFailed: the condition did not hold or the source is at another ETag; nothing was written.
            ObjectMissing: the source is gone, or IfMatch met no object; nothing was written.
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
            ConditionFailed, WriteConflict, ObjectMissing, StoreUnavailable: as `put` does.
        """

    def list(self, prefix: str, limit: int, after: str | None) -> Page:
        """Return up to `limit` objects whose names start with `prefix`, after the one named `after`."""
