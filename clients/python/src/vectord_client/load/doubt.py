"""Find out what became of a batch that was sent before an interruption, and whose answer nobody saw.

The batch must not be applied again after others changed its rows. An index remembers the latest 256 requests with an
Idempotency-Key, in their order. So:

1. If it remembers the key of the batch, the batch is in the index. Sending it again changes nothing, and returns the
   first answer.
2. If it does not, but it remembers keys that were acknowledged before the batch was sent, then the batch was never
   applied. It is sent as if for the first time. So is the first batch of a load, if the index has not changed.
3. Otherwise more than 256 requests with keys came in between, and only the rows can tell. Rows that the index has as
   they are in the source are done, rows that it does not have are added. A row that differs is left as it is and
   reported: another writer may have changed it.

Whether a key is remembered is asked by a patch of an id that no index has, which changes nothing in either case.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from vectord_client.errors import AccessDenied, BadItem, IdempotencyKeyReused, VectorNotFound
from vectord_client.gateway_errors import AccessRefused
from vectord_client.rows.block import Block
from vectord_client.rows.pack import pack_vector
from vectord_client.values import IndexInfo, Row
from vectord_client.wire import operations, plans
from vectord_client.wire.call import Plan

_NO_ID: Final = "vectord-client: is this Idempotency-Key remembered?"
_DIFFERS: Final = (
    "the index has another vector or other metadata for this id. The load was interrupted while this row was sent, and "
    "it is not known whether the row was applied and changed later; it was left as it is"
)


class Remains(msgspec.Struct, frozen=True):
    """The rows of a batch that are still to be sent, how many are in the index, and those that differ there."""

    rows: Block | None
    present: int = 0
    failed: tuple[BadItem, ...] = ()


def is_remembered(name: str, key: str) -> Plan[bool]:
    """Return True if the index remembers a request with this Idempotency-Key; False also if that cannot be asked."""
    try:
        yield operations.patch(name, None, ids=[_NO_ID], mode="merge", key=key)
    except IdempotencyKeyReused:
        return True
    except (VectorNotFound, AccessDenied, AccessRefused):
        return False
    return False


def resolve(name: str, rows: Block, key: str, anchors: Sequence[str], etag: str) -> Plan[Remains]:
    """Return what is still to be sent of a batch whose outcome is not known.

    `anchors` are keys that were acknowledged before the batch was sent. Without any, the batch was the first one of a
    load, which began at `etag`.
    """
    if (yield from is_remembered(name, key)) or (yield from _was_never_applied(name, anchors, etag)):
        return Remains(rows)
    return (yield from _compared(name, rows))


def _was_never_applied(name: str, anchors: Sequence[str], etag: str) -> Plan[bool]:
    """Return True if a batch whose key is not remembered was certainly never applied."""
    if not anchors:
        info: IndexInfo = yield operations.describe(name)
        return info.etag == etag
    for anchor in anchors:
        if not (yield from is_remembered(name, anchor)):
            return False
    return True


def _compared(name: str, rows: Block) -> Plan[Remains]:
    stored: dict[str, Row] = {row.id: row for row in (yield from plans.get(name, list(dict.fromkeys(rows.ids))))}
    last = {row_id: place for place, row_id in enumerate(rows.ids)}  # of several rows with one id the last one counts
    missing = [place for row_id, place in last.items() if row_id not in stored]
    differing = [
        place for row_id, place in last.items() if row_id in stored and not is_same(stored[row_id], rows, place)
    ]
    failed = tuple(BadItem(rows.positions[place], rows.ids[place], _DIFFERS) for place in differing)
    skipped = dict.fromkeys((place for place in range(len(rows)) if place not in set(missing)), "")
    remaining = rows.without(skipped) if missing else None
    present = len(last) - len(missing) - len(differing)
    return Remains(None if remaining is None else remaining.rows(0, len(remaining)), present, failed)


def is_same(row: Row, rows: Block, place: int) -> bool:
    """Return True if a stored row is what an add of one of `rows` stores."""
    text = rows.metadata[place]
    metadata: Any = row.metadata if text is None else msgspec.json.decode(text)  # absent metadata leaves what is there
    return pack_vector(row.vector) == rows.vector(place) and bool(row.metadata == metadata)
