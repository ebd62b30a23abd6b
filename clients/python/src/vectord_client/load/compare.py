"""Compare the rows of a batch that an earlier run sent with those that the index has.

A restore keeps the record of Idempotency-Keys, so that a remembered key does not show that the rows are still there.
Only the rows show it. Two properties of commits make this cheap for most batches:

- A commit is applied as a whole. If a sample of its rows is in the index as in the source, the commit is.
- If all rows of a batch were new, an id that the index does not have is a row that is gone. Vectors and metadata are
  compared only if rows were replaced, since an earlier state of the index has the same ids with other contents.

A row that the index does not have is sent again. A row that differs stays as it is, and is reported: another writer
may have changed it.
"""

from collections.abc import Container, Iterator, Sequence
from typing import Any, Final

import msgspec

from vectord_client.errors import BadItem
from vectord_client.rows.block import Block
from vectord_client.rows.pack import pack_vector
from vectord_client.values import Row
from vectord_client.wire import plans
from vectord_client.wire.call import Plan

_PART: Final = 1_000  # rows that are compared at once: a request can ask for as many
_SAMPLE: Final = 16
_DIFFERS: Final = (
    "the index has another vector or other metadata for this id than an interrupted load sent or was sending. Another "
    "writer changed the row, or the index was restored to an earlier state; it was left as it is"
)


class Remains(msgspec.Struct, frozen=True):
    """The result of a comparison: rows that are still to be sent, the number in the index, those that differ."""

    rows: Block | None
    present: int = 0
    failed: tuple[BadItem, ...] = ()


def compare(name: str, rows: Block, own: Container[str] = ()) -> Plan[Remains]:
    """Return what remains of a batch after a comparison of all its rows with the index.

    Rows with an id in `own` were sent by this process since, so that one that differs is sent again.
    """
    missing, differing, present = list[int](), list[int](), 0
    for places in _parts(_last(rows)):
        stored = yield from _stored(name, rows, places)
        for place in places:
            row = stored.get(rows.ids[place])
            if row is None:
                missing.append(place)
            elif is_same(row, rows, place):
                present += 1
            else:
                (missing if rows.ids[place] in own else differing).append(place)
    failed = tuple(BadItem(rows.positions[place], rows.ids[place], _DIFFERS) for place in differing)
    return Remains(_only(rows, missing), present, failed)


def compare_acknowledged(name: str, rows: Block, own: Container[str], *, replaced: bool) -> Plan[Remains]:
    """Return what remains of a batch that was acknowledged; `replaced` says that it replaced rows."""
    last = _last(rows)
    sample = last[:: max(1, len(last) // _SAMPLE)][:_SAMPLE]
    if not replaced:
        stored = yield from _stored(name, rows, sample)
        if not stored or any(is_same(row, rows, place) for place in sample if (row := stored.get(rows.ids[place]))):
            missing = list[int]()
            for places in _parts(last):
                there = yield from _stored(name, rows, places, include=())
                missing += [place for place in places if rows.ids[place] not in there]
            return Remains(_only(rows, missing), len(last) - len(missing))
    return (yield from compare(name, rows, own))


def has_any(name: str, rows: Block) -> Plan[bool]:
    """Return True if the index has a row with one of the ids."""
    for places in _parts(_last(rows)):
        if (yield from _stored(name, rows, places, include=())):
            return True
    return False


def is_same(row: Row, rows: Block, place: int) -> bool:
    """Return True if a stored row is what an add of one of `rows` stores."""
    text = rows.metadata[place]
    metadata: Any = row.metadata if text is None else msgspec.json.decode(text)  # absent metadata leaves what is there
    return pack_vector(row.vector) == rows.vector(place) and bool(row.metadata == metadata)


def _stored(name: str, rows: Block, places: Sequence[int], **options: Any) -> Plan[dict[str, Row]]:
    found = yield from plans.get(name, [rows.ids[place] for place in places], **options)
    return {row.id: row for row in found}


def _last(rows: Block) -> list[int]:
    """Return the places of the rows that count: of several with one id the last one."""
    return sorted({row_id: place for place, row_id in enumerate(rows.ids)}.values())


def _parts(places: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(places), _PART):
        yield places[start : start + _PART]


def _only(rows: Block, places: Sequence[int]) -> Block | None:
    """Return the rows at `places`, None if there are none."""
    if not places:
        return None
    kept = set(places)
    found = rows.without({place: "" for place in range(len(rows)) if place not in kept})
    return found.rows(0, len(found))
