"""Blocks: rows in columns, checked and ready to be sent; and the rows that are not valid."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, TypeVar

import msgspec

from vectord_client.errors import ArgumentInvalid, BadItem

T = TypeVar("T")

FLOAT_BYTES = 4  # of a component, which is float32


class InvalidRows(ArgumentInvalid):
    """Some rows of a call are not valid; nothing was sent. `errors` lists them."""

    def __init__(self, errors: Sequence[BadItem]) -> None:
        super().__init__(f"{len(errors):,} of the rows are not valid, and nothing was sent:", errors=tuple(errors))


class Block(msgspec.Struct, frozen=True):
    """Valid rows in columns.

    `vectors` has the bytes of little-endian float32, row after row. `metadata` has JSON texts, None for rows without.
    `positions` are the rows' places in the input, from 0. `bad` are the rows of the same part of the input that are
    not valid. `sparse` has the sparse vectors of rows as JSON texts; it is empty if no row has any.
    """

    positions: Sequence[int]
    ids: list[str]
    vectors: memoryview
    dimension: int
    metadata: list[bytes | None]
    bad: tuple[BadItem, ...] = ()
    sparse: Sequence[bytes | None] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def row_bytes(self) -> int:
        return self.dimension * FLOAT_BYTES

    def vector(self, row: int) -> memoryview:
        """Return the bytes of one row's vector."""
        return self.vectors[row * self.row_bytes : (row + 1) * self.row_bytes]

    def rows(self, start: int, stop: int) -> "Block":
        """Return the rows from `start` to before `stop`, without the bad rows."""
        if start == 0 and stop == len(self) and not self.bad:
            return self
        return Block(
            self.positions[start:stop],
            self.ids[start:stop],
            self.vectors[start * self.row_bytes : stop * self.row_bytes],
            self.dimension,
            self.metadata[start:stop],
            sparse=self.sparse[start:stop],
        )

    def without(self, reasons: Mapping[int, str]) -> "Block":
        """Return the block without the rows of `reasons`, which become bad rows."""
        if not reasons:
            return self
        kept = [row for row in range(len(self)) if row not in reasons]
        bad = [BadItem(self.positions[row], self.ids[row], reason) for row, reason in sorted(reasons.items())]
        return Block(
            [self.positions[row] for row in kept],
            [self.ids[row] for row in kept],
            memoryview(b"".join(self.vector(row) for row in kept)),
            self.dimension,
            [self.metadata[row] for row in kept],
            (*self.bad, *bad),
            [self.sparse[row] for row in kept] if self.sparse else (),
        )

    def each_sparse(self) -> Iterable[bytes | None]:
        """Return the sparse vectors of each row, None for rows without."""
        return self.sparse or repeat(None, len(self))


def joined(blocks: Sequence[Block]) -> Block:
    """Return the rows of one or more blocks as one block, without their bad rows."""
    if len(blocks) == 1:
        return blocks[0].rows(0, len(blocks[0]))
    return Block(
        list(chain.from_iterable(block.positions for block in blocks)),
        list(chain.from_iterable(block.ids for block in blocks)),
        _joined_bytes([block.vectors for block in blocks]),
        blocks[0].dimension,
        list(chain.from_iterable(block.metadata for block in blocks)),
        sparse=list(chain.from_iterable(block.each_sparse() for block in blocks)) if has_sparse(blocks) else (),
    )


def has_sparse(blocks: Iterable[Block]) -> bool:
    """Return True if a row of a block has sparse vectors beside its metadata."""
    return any(block.sparse for block in blocks)


def _joined_bytes(parts: Sequence[memoryview]) -> memoryview:
    """Return parts as one; without a copy if they follow each other in one array of numpy."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        arrays = [numpy.frombuffer(part, numpy.uint8) for part in parts if part]
        starts = [array.__array_interface__["data"][0] for array in arrays]
        whole = _root(numpy, arrays[0]) if arrays else None
        if whole is not None and all(
            start + len(array) == after for start, array, after in zip(starts, arrays, starts[1:], strict=False)
        ):
            offset = starts[0] - whole.__array_interface__["data"][0]
            size = sum(map(len, arrays))
            if offset >= 0 and offset + size <= whole.nbytes:
                return memoryview(whole.reshape(-1).view(numpy.uint8))[offset : offset + size]
    return memoryview(b"".join(parts))


def _root(numpy: Any, array: Any) -> Any:
    """Return the array in C order whose memory a view of bytes is, None if it is of another kind."""
    while isinstance(base := _owner(array), numpy.ndarray):
        array = base
    return array if array.flags.c_contiguous and array.dtype.hasobject is False else None


def _owner(array: Any) -> Any:
    """Return the object whose memory an array shows, through a memoryview if there is one between."""
    return array.base.obj if isinstance(array.base, memoryview) else array.base


def kept(values: Sequence[T], dropped: Mapping[int, Any]) -> list[T]:
    """Return `values` without those at the indices in `dropped`."""
    return [value for row, value in enumerate(values) if row not in dropped]


Reasons = dict[int, str]  # of rows that are not valid, by their index in a chunk; the first reason of a row counts
