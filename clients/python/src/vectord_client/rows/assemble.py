"""Make blocks of columns: check ids, pack vectors, encode metadata, and set bad rows aside."""

from collections.abc import Sequence
from typing import Any

import msgspec

from vectord_client.errors import BadItem
from vectord_client.rows.block import FLOAT_BYTES, Block, Reasons, kept
from vectord_client.rows.ids import check_ids, is_text, utf8_text
from vectord_client.rows.pack import Shape, pack_rows


class Columns(msgspec.Struct, frozen=True):
    """Rows at `positions`. `vectors` are those of the rows, or their packed bytes, which were checked."""

    positions: Sequence[int]
    ids: Sequence[Any]
    vectors: Sequence[Any] | memoryview
    metadata: list[bytes | None]


def assemble(rows: Columns, shape: Shape, reasons: Reasons) -> Block:
    """Return a block of `rows`; those with `reasons`, and those that fail its checks, are set aside."""
    check_ids(rows.ids, reasons)
    vectors = rows.vectors
    packed = vectors if isinstance(vectors, memoryview) else pack_rows(vectors, shape, reasons)
    size = (shape.dimension or 0) * FLOAT_BYTES
    if not reasons:
        return Block(rows.positions, list(rows.ids), packed, shape.dimension or 0, rows.metadata)
    bad = [
        BadItem(rows.positions[row], row_id if is_text(row_id := rows.ids[row]) else None, utf8_text(reason))
        for row, reason in sorted(reasons.items())
    ]
    good = [packed[row * size : (row + 1) * size] for row in range(len(rows.ids)) if row not in reasons]
    return Block(
        kept(rows.positions, reasons),
        kept(rows.ids, reasons),
        memoryview(b"".join(good)),
        shape.dimension or 0,
        kept(rows.metadata, reasons),
        tuple(bad),
    )
