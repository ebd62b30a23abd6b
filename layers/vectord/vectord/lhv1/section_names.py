"""The names of sections, which of them need each other, and their order in the body."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

PARTS_HEAD: Final = "parts-head"
PIECE: Final = "piece"
SECTIONS: Final = frozenset({PARTS_HEAD, PIECE, "parts", "sketch", "columns", "rows", "graph", "tail"})

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
