"""Lists of postings as bytes: the rows in the shortest of three forms, and then the counts; docs/lhv1.md has them.

The form follows from the number of rows and the frequency of the term, so a list does not state it. Short lists, of
which there are many, are written and read together; the others one by one.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.index.sections.base import Bytes
from vectord.lhv1.text_layout import COUNT_BYTES, containers, form, number_bytes, row_bytes

Array = npt.NDArray[np.int64]
Counts = npt.NDArray[Any]  # uint8, uint16 or uint32

_COUNT_BYTES: Final[Array] = np.array(COUNT_BYTES)
_BITS_OF_ROW: Final = 16  # in a container


class TermList(msgspec.Struct, frozen=True, eq=False):
    """The rows that have a term, ascending, and how often each has it, an unsigned type; None if all have it once."""

    rows: Array
    counts: Counts | None


def widths_of(most: Array) -> Array:
    """Return the width of the counts of each list, from the largest count of each."""
    return np.searchsorted([1, 255, 65_535], most)


def are_numbers(rows: int, frequencies: Array) -> npt.NDArray[np.bool_]:
    """Return which lists have the form `numbers`."""
    many = containers(rows)
    return (16 * frequencies <= rows) & ((frequencies <= 2 * many) | (many == 1))


def list_sizes(rows: int, frequencies: Array, widths: Array) -> Array:
    """Return the bytes of each list, without its checksum."""
    many = containers(rows)
    of_rows = frequencies * number_bytes(rows)
    if many > 1:
        of_rows = np.where(frequencies > 2 * many, 4 * many + 2 * frequencies, of_rows)
    of_rows = np.where(16 * frequencies > rows, -(-rows // 8), of_rows)
    sizes: Array = of_rows + frequencies * _COUNT_BYTES[widths]
    return sizes


def encode(rows: npt.NDArray[np.uint32], counts: npt.NDArray[np.uint32], total: int, width: int) -> bytes:
    """Return one list of `total` rows."""
    of_counts = counts.astype(f"<u{COUNT_BYTES[width]}").tobytes() if width else b""
    return _encode_rows(rows, total) + of_counts


def _encode_rows(rows: npt.NDArray[np.uint32], total: int) -> bytes:
    match form(total, len(rows)):
        case "bits":
            bits = np.zeros(total, np.bool_)
            bits[rows] = True
            return np.packbits(bits, bitorder="little").tobytes()
        case "numbers":
            return rows.astype(f"<u{number_bytes(total)}").tobytes()
        case "containers":
            in_each = np.bincount(rows >> _BITS_OF_ROW, minlength=containers(total))
            return in_each.astype("<u4").tobytes() + rows.astype("<u2").tobytes()  # the lower half of each row


def decode(data: Bytes, total: int, frequency: int, width: int, *, checked: bool = False) -> TermList:
    """Return the list whose bytes `data` are, of which there must be as many as it has; `checked` lists are trusted.

    Raises:
        BlobCorrupt: its rows do not ascend, or do not exist, or it has a count of 0.
    """
    at = row_bytes(total, frequency)
    rows = _decode_rows(data, total, frequency)
    counts = np.ndarray((frequency,), f"<u{COUNT_BYTES[width]}", data, at) if width else None
    if not checked:
        check_rows(rows, total)
        if counts is not None and not counts.all():
            raise BlobCorrupt("a term in its texts has a count of 0")
    return TermList(rows, counts)


def _decode_rows(data: Bytes, total: int, frequency: int) -> Array:
    """Return `frequency` rows, which may not ascend and may not exist."""
    match form(total, frequency):
        case "bits":
            rows = np.flatnonzero(np.unpackbits(data[: row_bytes(total, frequency)], bitorder="little"))
            if len(rows) != frequency:
                raise BlobCorrupt("a term in its texts has another number of rows than its dictionary says")
            return rows
        case "numbers":
            return np.ndarray((frequency,), f"<u{number_bytes(total)}", data).astype(np.int64)
        case "containers":
            many = containers(total)
            in_each = np.ndarray((many,), "<u4", data).astype(np.int64)
            if in_each.sum() != frequency:
                raise BlobCorrupt("a term in its texts has another number of rows than its dictionary says")
            rows = np.ndarray((frequency,), "<u2", data, 4 * many).astype(np.int64)
            rows += np.repeat(np.arange(many) << _BITS_OF_ROW, in_each)
            return rows


def check_rows(rows: Array, total: int) -> None:
    """Check one list.

    Raises:
        BlobCorrupt: the rows do not ascend, or do not exist.
    """
    if rows[-1] >= total or not (rows[1:] > rows[:-1]).all():
        raise BlobCorrupt("a term in its texts has rows that do not ascend, or do not exist")


class NumberLists(msgspec.Struct, frozen=True, eq=False):
    """Where many lists of the form `numbers` are in some bytes, with `size` bytes a row.

    `at`, `frequencies` and `widths` (lists,) have the place of each, its postings, and the width of its counts.
    """

    at: Array
    frequencies: Array
    widths: Array
    size: int

    def write(self, data: Bytes, rows: Counts, counts: Counts) -> None:
        """Write the rows and counts of all lists, which are back to back, to `data`."""
        _scatter(data, self._of_rows, rows, self.size)
        for some, places, size in self._of_counts():
            _scatter(data, places, counts[some], size)

    def read(self, data: Bytes) -> tuple[Array, Array]:
        """Return the rows and counts of all lists, back to back and not checked."""
        rows = _gather(data, self._of_rows, self.size)
        counts = np.ones(len(rows), np.int64)
        for some, places, size in self._of_counts():
            counts[some] = _gather(data, places, size)
        return rows, counts

    @property
    def _of_rows(self) -> Array:
        """The place of the row of each posting."""
        return np.repeat(self.at, self.frequencies) + self.size * _within(self.frequencies)

    def _of_counts(self) -> Iterator[tuple[Array, Array, int]]:
        """Yield the postings that have counts of the same type, the places of these counts, and the bytes of each."""
        within, of_posting = _within(self.frequencies), np.repeat(self.widths, self.frequencies)
        starts = np.repeat(self.at + self.size * self.frequencies, self.frequencies)
        for width, size in enumerate(COUNT_BYTES[1:], 1):
            some = np.flatnonzero(of_posting == width)
            if len(some):
                yield some, starts[some] + size * within[some], size


def _within(frequencies: Array) -> Array:
    """Return the position of each posting in its list."""
    ends = np.cumsum(frequencies)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - frequencies, frequencies)


def _scatter(data: Bytes, at: Array, values: npt.NDArray[Any], size: int) -> None:
    for number in range(size):
        data[at + number] = values >> 8 * number & 0xFF


def _gather(data: Bytes, at: Array, size: int) -> Array:
    values = data[at].astype(np.int64)
    for number in range(1, size):
        values |= data[at + number].astype(np.int64) << 8 * number
    return values
