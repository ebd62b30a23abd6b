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
PIECE_TEXT: Final = "piece-text"
TEXT: Final = "text"
TEXTS: Final = frozenset({PIECE_TEXT, TEXT})
SECTIONS: Final = frozenset(
    {PARTS_HEAD, PIECE, PIECE_TEXT, "parts", "sketch", "columns", TEXT, "rows", "graph", "tail"}
)

_MAX_ROWS: Final = 2**32 - 1  # of a piece, which stores its count as uint32
_REPEATED: Final = frozenset({PIECE, PIECE_TEXT, "tail"})  # sections of which there may be several
_REQUIRED: Final = {
    PARTS_HEAD: "parts",
    "parts": "rows",
    "sketch": "graph",
    "rows": "graph",
    "columns": "rows",
    TEXT: "graph",
    PIECE_TEXT: PIECE,
}


def invalid_reason(names: Sequence[str]) -> str | None:
    """Return why a body cannot have sections of these known names in this order, or None if it can.

    A copy of the head of the partitions is the first section, and the pieces come before all others. If any rows have
    their texts in a section, all have: each piece is followed by its texts.
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
    return _wrong_order_reason(names, counts[PIECE]) or _missing_texts_reason(counts)


def _wrong_order_reason(names: Sequence[str], pieces: int) -> str | None:
    first = [name for name in names if name == PARTS_HEAD]
    first += ([PIECE] if PIECE_TEXT not in names else [PIECE, PIECE_TEXT]) * pieces
    if list(names[: len(first)]) != first or PIECE_TEXT in names[len(first) :]:
        return f"{PARTS_HEAD!r} is not the first one, or a {PIECE!r} or its texts are behind another section"
    return None


def _missing_texts_reason(counts: Counter[str]) -> str | None:
    if not (counts[TEXT] or counts[PIECE_TEXT]):
        return None
    if counts["tail"] or counts[TEXT] != counts["graph"] or counts[PIECE_TEXT] != counts[PIECE]:
        return "some rows have a section of texts, and others have none"
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
