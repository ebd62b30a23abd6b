"""Lists of postings as bytes: the rows in the shortest of three forms, and then the counts; docs/lhv1.md has them.

The form follows from the number of rows and the frequency of the term, so a list does not state it. Lists of bits, of
which there are few, are written and read one by one; for a build and a merge, the others are written and read together.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.index.sections.base import Bytes
from vectord.lhv1.text_layout import COUNT_BYTES, containers, form, number_bytes, row_bytes

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
U32 = npt.NDArray[np.uint32]
Counts = npt.NDArray[Any]  # uint8, uint16 or uint32

_COUNT_BYTES: Final[Array] = np.array(COUNT_BYTES)
_BITS_OF_ROW: Final = 16  # in a container
_CHUNK: Final = 1 << 20  # postings that are written or read together


class TermList(msgspec.Struct, frozen=True, eq=False):
    """The rows that have a term, ascending, and how often each has it, an unsigned type; None if all have it once."""

    rows: Array
    counts: Counts | None


def widths_of(most: Array) -> Array:
    """Return the width of the counts of each list, from the largest count of each."""
    return np.searchsorted([1, 255, 65_535], most)


def are_numbers(rows: int, frequencies: Array) -> Mask:
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


def encode_bits(rows: U32, counts: U32, total: int, width: int) -> bytes:
    """Return one list of the form `bits`."""
    bits = np.zeros(total, np.bool_)
    bits[rows] = True
    of_counts = counts.astype(f"<u{COUNT_BYTES[width]}").tobytes() if width else b""
    return np.packbits(bits, bitorder="little").tobytes() + of_counts


def chunks(starts: Array) -> Iterator[tuple[int, int]]:
    """Yield first and last (exclusive) terms that have about a million postings together, or one term that has more.

    `starts` (terms + 1,) has where the postings of each term start. The arrays for a chunk then take some tens of MB.
    """
    first, last = 0, len(starts) - 1
    while first < last:
        stop = max(first + 1, int(np.searchsorted(starts, starts[first] + _CHUNK, "right")) - 1)
        yield first, stop
        first = stop


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
            rows = np.flatnonzero(np.unpackbits(data[: row_bytes(total, frequency)], bitorder="little").view(np.bool_))
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


def check_values(counts: Counts) -> None:
    """Check the counts of a field of sparse vectors, which have the bits of float32 values, none of them 0.

    Raises:
        BlobCorrupt: a value is 0, infinite or not a number.
    """
    bits = counts.astype(np.uint32) & np.uint32(0x7FFF_FFFF)  # without the sign
    if ((bits == 0) | (bits >= np.uint32(0x7F80_0000))).any():
        raise BlobCorrupt("a sparse vector has a value that is 0 or not finite")


class ManyLists(msgspec.Struct, frozen=True, eq=False, dict=True):
    """Where many lists of `total` rows are in some bytes; none of them has the form `bits`.

    `at`, `frequencies` and `widths` (lists,) have the place of each, its postings, and the width of its counts.
    """

    at: Array
    frequencies: Array
    widths: Array
    total: int

    def write(self, data: Bytes, rows: U32, counts: U32) -> None:
        """Write the rows and counts of all lists, which are back to back, to `data`."""
        size = number_bytes(self.total)
        if size < 4:
            _scatter(data, self._row_places, rows, size)
        else:
            self._write_with_containers(data, rows)
        for some, places, size in self._counts_of_width():
            _scatter(data, places, counts[some], size)

    def read(self, data: Bytes) -> tuple[U32, U32]:
        """Return the rows and counts of all lists, back to back.

        Raises:
            BlobCorrupt: the rows of a list do not ascend, or do not exist, or it has a count of 0.
        """
        size = number_bytes(self.total)
        rows = _gather(data, self._row_places, size) if size < 4 else self._read_with_containers(data)
        counts = np.ones(len(rows), np.uint32)
        for some, places, size in self._counts_of_width():
            counts[some] = _gather(data, places, size)
        ascends = np.append(True, rows[1:] > rows[:-1])[: len(rows)]
        ascends[np.cumsum(self.frequencies)[:-1]] = True  # the first row of a list
        if not ascends.all() or (rows >= self.total).any() or not counts.all():
            raise BlobCorrupt("a term in its texts has rows that do not ascend or do not exist, or a count of 0")
        return rows, counts

    def _write_with_containers(self, data: Bytes, rows: U32) -> None:
        """Write rows of 4 bytes each, or of 2 bytes each behind the numbers of rows in each container."""
        in_container, places, many = self._in_container, self._row_places, containers(self.total)
        _scatter(data, places, rows, 2)
        _scatter(data, places[~in_container] + 2, rows[~in_container] >> _BITS_OF_ROW, 2)
        of_list = np.repeat(np.arange(len(self.at)), self.frequencies)[in_container]
        numbers = of_list * many + (rows[in_container] >> _BITS_OF_ROW)
        in_each = np.bincount(numbers, minlength=len(self.at) * many).reshape(-1, many)
        _scatter(data, self._container_places, in_each[self._has_containers], 4)

    def _read_with_containers(self, data: Bytes) -> U32:
        in_container, places = self._in_container, self._row_places
        rows = _gather(data, places, 2)
        rows[~in_container] |= _gather(data, places[~in_container] + 2, 2) << _BITS_OF_ROW
        rows[in_container] |= self._containers(_gather(data, self._container_places, 4)) << _BITS_OF_ROW
        return rows

    def _containers(self, in_each: U32) -> U32:
        """Return the container of each posting of the lists that have containers."""
        if (in_each.sum(axis=1, dtype=np.int64) != self.frequencies[self._has_containers]).any():
            raise BlobCorrupt("a term in its texts has another number of rows than its dictionary says")
        numbers = np.arange(in_each.size, dtype=np.uint32) % np.uint32(in_each.shape[1])
        return np.repeat(numbers, in_each.reshape(-1))

    @cached_property
    def _has_containers(self) -> Mask:
        return ~are_numbers(self.total, self.frequencies)

    @property
    def _in_container(self) -> Mask:
        """Which postings are of lists that have containers."""
        return np.repeat(self._has_containers, self.frequencies)

    @property
    def _container_places(self) -> Array:
        """The places of the numbers of rows in each container, (lists that have them, containers)."""
        return self.at[self._has_containers][:, None] + 4 * np.arange(containers(self.total))

    @cached_property
    def _within(self) -> Array:
        """The position of each posting in its list."""
        ends = np.cumsum(self.frequencies)
        return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - self.frequencies, self.frequencies)

    @cached_property
    def _row_bytes(self) -> Array:
        return np.where(self._has_containers, 2, number_bytes(self.total))

    @cached_property
    def _first_rows(self) -> Array:
        """The place of the first row of each list."""
        return self.at + np.where(self._has_containers, 4 * containers(self.total), 0)

    @cached_property
    def _row_places(self) -> Array:
        """The place of the row of each posting."""
        size = np.repeat(self._row_bytes, self.frequencies)
        return np.repeat(self._first_rows, self.frequencies) + size * self._within

    def _counts_of_width(self) -> Iterator[tuple[Array, Array, int]]:
        """Yield the postings that have counts of the same type, the places of these counts, and the bytes of each."""
        of_posting = np.repeat(self.widths.astype(np.uint8), self.frequencies)
        for width, size in enumerate(COUNT_BYTES[1:], 1):
            some = np.flatnonzero(of_posting == width)
            if len(some):
                lists = self.widths == width
                starts = (self._first_rows + self._row_bytes * self.frequencies)[lists]
                yield some, np.repeat(starts, self.frequencies[lists]) + size * self._within[some], size


def _scatter(data: Bytes, at: Array, values: Counts, size: int) -> None:
    for number in range(size):
        data[at + number] = values >> 8 * number & 0xFF


def _gather(data: Bytes, at: Array, size: int) -> U32:
    values = data[at].astype(np.uint32)
    for number in range(1, size):
        values |= data[at + number].astype(np.uint32) << 8 * number
    return values
