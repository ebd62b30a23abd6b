"""Read what the head of an index says: its parameters, and whether it is in a vector bucket. Rows are not read.

Opening an index reads more: the whole graph of a small one.
"""

from functools import partial

from vectord.errors import BlobError, ConditionFailed, IndexNotFound, ObjectChanged, ObjectNotFound
from vectord.lhv1 import frame
from vectord.lhv1.frame import Envelope
from vectord.service.buckets.values import IndexHead
from vectord.service.snapshots.cache import HEAD_BYTES, SnapshotReader
from vectord.service.values.options import Deadline
from vectord.service.values.text_fields import searchable_of
from vectord.storage.base import ObjectHead


def read_head(reader: SnapshotReader, name: str, deadline: Deadline) -> IndexHead:
    """Return the present head of the index `name`, retried until the deadline.

    Raises:
        IndexNotFound, BlobError, StorageSilent, StoreRefused
    """
    return reader.retry(deadline, partial(_read_once, reader, name))


def _read_once(reader: SnapshotReader, name: str) -> IndexHead:
    store, meter = reader.store, reader.environment.meter
    meter.add("ReadRequests")
    meter.add("ReadRounds")
    try:
        head = store.head(name, HEAD_BYTES)
        if not isinstance(head, ObjectHead):
            raise AssertionError("a store may answer NotModified only to an ETag")  # noqa: TRY004
        data = head.data
        meter.add("ReadBytes", len(data))
        while True:
            try:
                envelope = frame.decode_head(data, head.size).envelope
                return _head(name, head.etag, envelope)
            except frame.Truncated as error:
                meter.add("ReadRequests")
                meter.add("ReadRounds")
                meter.add("ReadBytes", error.needed - len(data))
                data = b"".join((data, *store.read(name, head.etag, [(len(data), error.needed)])))
    except frame.VersionOne as error:  # an index of a vector bucket has a later version
        raise IndexNotFound(name) from error
    except ObjectNotFound as error:
        raise IndexNotFound(name) from error
    except ConditionFailed as error:
        raise ObjectChanged(name) from error
    except BlobError as error:
        raise error.with_index(name) from error


def _head(name: str, etag: str, envelope: Envelope) -> IndexHead:
    built = envelope.text.fields if envelope.text else {}
    count = envelope.base_rows + envelope.tail_rows - len(envelope.removed)
    searchable = searchable_of(envelope.params, built, count)
    return IndexHead(name, etag, envelope.params, envelope.s3vectors or None, searchable)
