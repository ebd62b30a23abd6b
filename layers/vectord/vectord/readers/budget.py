"""Bound the memory that the rows of a file cost, while they are read.

A small file can have many rows, or few large ones: a compressed one, or one that refers to the same value many times.
So each row is counted as it is decoded. docs/limits.md states the formula.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from vectord.errors import BadItem, FileRefused
from vectord.readers.entry import Entry

ROW_BYTES: Final = 512
"""Memory that a row costs beside its components and texts: its objects, and its places in the tables of the index."""

_MAX_ROW_SHARE: Final = 32  # JSON as Python's values has up to 30 times the size of its text, as in [[],[],[]]
_LEAST_ROW: Final = 1 << 20
_MAX_SHOWN: Final = 1_000  # characters of a bad row's id and reason


def within(entries: Iterable[Entry], limit: int) -> Iterator[Entry]:
    """Yield `entries` while their sum is at most `limit` bytes; cut the texts of bad rows to 1,000 characters.

    Raises:
        FileRefused: the entries cost more than `limit` bytes.
    """
    cost = 0
    for row, entry in enumerate(entries):
        if isinstance(entry, BadItem):
            cost += ROW_BYTES
            yield BadItem(entry.position, entry.id and _shown(entry.id), _shown(entry.reason))
            continue
        metadata = 0 if entry.metadata is None else len(bytes(entry.metadata))
        cost += ROW_BYTES + entry.vector.nbytes + len(entry.id.encode()) + metadata
        if cost > limit:
            raise FileRefused(f"its first {row + 1:,} rows decode to more than {limit:,} bytes; split it")
        yield entry


def check_rows(rows: int, limit: int) -> None:
    """Raise FileRefused if so many rows, even empty ones, cost more than `limit` bytes."""
    if rows * ROW_BYTES > limit:
        raise FileRefused(f"it has {rows:,} rows, more than this function can hold ({limit // ROW_BYTES:,}); split it")


def row_limit(limit: int) -> int:
    """Return the most bytes of text that one row of a file may have, if the whole file may cost `limit` bytes."""
    return max(limit // _MAX_ROW_SHARE, _LEAST_ROW)


def _shown(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
