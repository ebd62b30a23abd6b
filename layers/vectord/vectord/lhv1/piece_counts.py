"""The key `pieces` of an envelope: the number of rows of each section `piece`, in the order of the body.

The sections `piece` are the first ones, the newest first. Rows are numbered in the other direction: those of the
oldest piece follow the rows of the graph, and those of the newest piece are the last ones. So a commit can write a new
piece in front of the bytes that it copies from the previous object, and every older row keeps its number.
"""

from collections.abc import Sequence
from typing import Final

_MAX_ROWS: Final = 2**32 - 1  # the section stores its count as uint32


def invalid_reason(counts: Sequence[int], sections: int, listed_ids: int) -> str | None:
    """Return why these cannot be the rows of that number of sections `piece`, or None if they can.

    `listed_ids` is the number of ids in the envelope. The ids of a piece are in the piece itself, so that a reader need
    not read those of all rows; no other section may then have its ids in the envelope.
    """
    if len(counts) != sections:
        return f"it has the rows of {len(counts):,} pieces, but there are {sections:,}"
    if not all(0 < rows <= _MAX_ROWS for rows in counts):
        return "a piece has no rows, or more than its section can count"
    if listed_ids:
        return "beside pieces there are ids in the envelope"
    return None


def first_rows(counts: Sequence[int], base_rows: int) -> list[int]:
    """Return the number of the first row of each piece, in the order of the body, after `base_rows` of the graph."""
    first, numbers = base_rows, []
    for rows in reversed(counts):
        numbers.append(first)
        first += rows
    return numbers[::-1]
