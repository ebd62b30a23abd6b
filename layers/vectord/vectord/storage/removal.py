"""The protocol by which maintenance removes versions of the objects of a store for ever.

It is apart from the store protocol, because no request may do that, and only one function has the permission.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from vectord.storage.base import ObjectVersion


class History(msgspec.Struct, frozen=True):
    """All versions of one object, newest first; the object may be deleted."""

    name: str
    versions: tuple[ObjectVersion, ...]


class Leftovers(msgspec.Struct, frozen=True):
    """What was removed of staged objects and unfinished uploads: versions and their bytes, and uploads."""

    versions: int = 0
    bytes: int = 0
    uploads: int = 0


class VersionRemover(Protocol):
    """Removes versions of the objects of a store one by one; only maintenance uses it.

    Every method may raise StoreUnavailable or StoreRefused; what was removed until then stays removed.
    """

    def histories(self) -> Iterator[History]:
        """Yield the versions of each index and shard, those of deleted ones too."""

    def remove_versions(self, name: str, versions: Sequence[str]) -> None:
        """Remove the versions of an object that have these ids. An id without a version is ignored.

        Removed versions cannot be restored. The caller must never name the present version, nor a deletion that is the
        latest version.
        """

    def remove_leftovers(self, before: datetime) -> Leftovers:
        """Remove the old versions of staged objects and of records, and what is unfinished and older than `before`.

        That is: staged objects, and multipart uploads, which began before that time.
        """
