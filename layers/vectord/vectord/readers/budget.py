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

_ROW_SHARE: Final = 32  # JSON as Python's values has up to 30 times the size of its text, as in [[],[],[]]
_LEAST_ROW: Final = 1 << 20  # bytes
_MAX_SHOWN: Final = 1_000  # characters of a bad row's id and reason


def within(entries: Iterable[Entry], limit: int) -> Iterator[Entry]:
    """Yield `entries` as long as they fit in `limit` bytes; cut the texts of bad rows to 1,000 characters.

    Raises:
        FileRefused: there are more than `limit` / ROW_BYTES of them, or their components, ids and metadata have more
            than `limit` bytes.
    """
    size, most = 0, limit // ROW_BYTES
    for rows, entry in enumerate(entries, 1):
        if rows > most:
            check_rows(rows, limit)
        if isinstance(entry, BadItem):
            yield BadItem(entry.position, entry.id and _shown(entry.id), _shown(entry.reason))
            continue
        size += entry.vector.nbytes + len(entry.id.encode())
        if entry.metadata is not None:
            size += memoryview(entry.metadata).nbytes
        if size > limit:
            raise FileRefused(f"its first {rows:,} rows decode to more than {limit:,} bytes; split it")
        yield entry


def check_rows(rows: int, limit: int) -> None:
    """Raise FileRefused if a file of this limit may not have so many rows, even if they are empty."""
    if rows * ROW_BYTES > limit:
        raise FileRefused(f"it has {rows:,} rows or more; this function can hold {limit // ROW_BYTES:,}; split it")


def row_limit(limit: int) -> int:
    """Return the most bytes of text that one row of a file may have, if the whole file may cost `limit` bytes."""
    return max(limit // _ROW_SHARE, _LEAST_ROW)


def _shown(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
