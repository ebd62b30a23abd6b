"""What the service asks of a store: objects by name, each write under a condition, each state under an ETag."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


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

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        """Write the object, with `commit` in its user metadata, and return the new ETag.

        Raises:
            ConditionFailed: the condition did not hold; nothing was written.
            WriteConflict: another operation is in progress on the object; nothing was written.
            ObjectMissing: IfMatch met no object; nothing was written.
            StoreUnavailable: no answer; it may have been written.
        """

    def delete(self, name: str, condition: IfMatch) -> None:
        """Delete the object.

        Raises:
            ConditionFailed, WriteConflict, ObjectMissing, StoreUnavailable: as `put` does.
        """

    def list(self, prefix: str, limit: int, after: str | None) -> Page:
        """Return up to `limit` objects whose names start with `prefix`, after the one named `after`."""
