"""Blocks: rows in columns, checked and ready to be sent; and the rows that are not valid."""

from collections.abc import Mapping, Sequence
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
    not valid.
    """

    positions: Sequence[int]
    ids: list[str]
    vectors: memoryview
    dimension: int
    metadata: list[bytes | None]
    bad: tuple[BadItem, ...] = ()

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
        )


def joined(blocks: Sequence[Block]) -> Block:
    """Return the rows of one or more blocks as one block, without their bad rows."""
    if len(blocks) == 1:
        return blocks[0].rows(0, len(blocks[0]))
    return Block(
        [position for block in blocks for position in block.positions],
        [row_id for block in blocks for row_id in block.ids],
        memoryview(b"".join(block.vectors for block in blocks)),
        blocks[0].dimension,
        [text for block in blocks for text in block.metadata],
    )


def kept(values: Sequence[T], dropped: Mapping[int, Any]) -> list[T]:
    """Return `values` without those at the indices in `dropped`."""
    return [value for row, value in enumerate(values) if row not in dropped]


Reasons = dict[int, str]  # of rows that are not valid, by their index in a chunk; the first reason of a row counts
