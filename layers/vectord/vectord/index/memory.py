"""The bytes of an index: in memory besides its sections, of its sections, and of its documents."""

import sys
from typing import Final

from vectord.index.sections.documents import PackedDocuments
from vectord.index.state import Index

_REMOVED_BYTES: Final = 64  # of a number in a frozenset
_COPIES_OF_CODES: Final = 2  # those of each piece, and those of all pieces that a search joins
_COMPONENT_BYTES: Final = 4


def memory_bytes(index: Index) -> int:
    """Return about how many bytes `index` takes besides its sections, once searches of all kinds have used it.

    The bound of the snapshot cache counts them.

    They are the envelope, if it lists ids and metadata, the removed rows, and of the tail the codes and, if they are in
    several sections, a copy of the vectors for exact scans.
    """
    tail = index.tail
    is_packed = bool(tail.pieces or (index.base and index.base.packed)) and not tail.ids
    codes = _COPIES_OF_CODES * sum(piece.head[1] for piece in tail.pieces)
    is_joined = len(tail.pieces) + len(tail.sections) + (tail.fresh is not None) > 1
    vectors = len(tail) * index.params.dimension * _COMPONENT_BYTES if is_joined or tail.fresh is not None else 0
    return (0 if is_packed else index.body_start) + _REMOVED_BYTES * len(index.removed) + codes + vectors


def section_bytes(index: Index) -> int:
    """Return the bytes of all of its sections, but for a copy of the head of the partitions."""
    of_base = index.base.entries if index.base else ()
    return sum(entry.bytes for entry in (*of_base, *index.tail_entries, *index.text_entries))


def documents_within(index: Index, size: int) -> int:
    """Return how many packed documents have `size` bytes if they have the mean size; at least 1.

    Documents that are listed in the envelope are in memory already, so all of them count.
    """
    of_base = [index.base.documents] if index.base else []
    places = [*of_base, *(piece.documents for piece in index.tail.pieces)]
    packed = [each for each in places if isinstance(each, PackedDocuments)]
    if not packed:
        return sys.maxsize
    return max(1, size * sum(each.count for each in packed) // sum(each.size for each in packed))
