"""What is recorded of the versions of an object that thinning removed (service/maintenance/thinning.py)."""

from datetime import datetime

import msgspec

from vectord.errors import ObjectNotFound
from vectord.storage.base import Store, StoredObject
from vectord.storage.limits import HISTORY


class Gap(msgspec.Struct, frozen=True):
    """Removed versions: those directly before the version `newer`. The first of them was written at `since`."""

    newer: str
    since: datetime


class Record(msgspec.Struct, frozen=True):
    """What is stored of an object's removed versions, under `limits.HISTORY`; `id` makes each record unique."""

    id: str = ""
    gaps: tuple[Gap, ...] = ()


class StoredRecord(msgspec.Struct, frozen=True):
    """The record of removed versions, and its ETag; None if there is none."""

    record: Record
    etag: str | None


def record_name(name: str) -> str:
    """Return the name of the object with the record of removed versions of an index or a shard."""
    return f"{HISTORY}{name}"


def record_of(store: Store, name: str) -> StoredRecord:
    """Return the record of removed versions of an object; an empty one if there is none, or it cannot be read.

    Raises:
        StoreUnavailable, StoreRefused
    """
    try:
        found = store.get(record_name(name))
    except ObjectNotFound:
        return StoredRecord(Record(), None)
    assert isinstance(found, StoredObject)
    try:
        return StoredRecord(msgspec.json.decode(found.data, type=Record), found.etag)
    except msgspec.DecodeError:  # changed by hand
        return StoredRecord(Record(), found.etag)
