"""What a body can have: the names of sections, which of them need each other, their order, and the rows of pieces.

The key `pieces` of an envelope has the number of rows of each section `piece`, in the order of the body, the newest
piece first. Rows are numbered in the other direction: those of the oldest piece follow the rows of the graph, and those
of the newest piece are the last ones. So a commit can write a new piece in front of the bytes that it copies from the
previous object, and every older row keeps its number.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

PARTS_HEAD: Final = "parts-head"
PIECE: Final = "piece"
SECTIONS: Final = frozenset({PARTS_HEAD, PIECE, "parts", "sketch", "columns", "rows", "graph", "tail"})

_MAX_ROWS: Final = 2**32 - 1  # of a piece, which stores its count as uint32
_REPEATED: Final = frozenset({PIECE, "tail"})  # sections of which there may be several
_REQUIRED: Final = {PARTS_HEAD: "parts", "parts": "rows", "sketch": "graph", "rows": "graph", "columns": "rows"}


def invalid_reason(names: Sequence[str]) -> str | None:
    """Return why a body cannot have sections of these known names in this order, or None if it can.

    A copy of the head of the partitions is the first section, and the pieces come before all others.
    """
    counts = Counter(names)
    if any(count > 1 for name, count in counts.items() if name not in _REPEATED):
        return "one is listed twice"
    if any(counts[name] and not counts[other] for name, other in _REQUIRED.items()):
        return "one needs another that is missing"
    if counts["parts"] and counts["sketch"]:
        return "'parts' excludes 'sketch'"
    if counts[PIECE] and counts["tail"]:
        return "'piece' excludes 'tail'"
    first = [name for name in names if name == PARTS_HEAD] + [PIECE] * counts[PIECE]
    if list(names[: len(first)]) != first:
        return f"{PARTS_HEAD!r} is not the first one, or a {PIECE!r} is behind another section"
    return None


def invalid_counts_reason(counts: Sequence[int], pieces: int, listed_ids: int) -> str | None:
    """Return why these cannot be the rows of that number of sections `piece`, or None if they can.

    `listed_ids` is the number of ids in the envelope. The ids of a piece are in the piece itself, so that a reader need
    not read those of all rows; no other section may then have its ids in the envelope.
    """
    if len(counts) != pieces:
        return f"it has the rows of {len(counts):,} pieces, but there are {pieces:,}"
    if not all(0 < rows <= _MAX_ROWS for rows in counts):
        return "a piece has no rows, or more than its section can count"
    if listed_ids:
        return "beside pieces there are ids in the envelope"
    return None
