"""The memory that an opened index takes besides its sections: the bound of the snapshot cache counts it."""

from typing import Final

from vectord.index.state import Index

_REMOVED_BYTES: Final = 64  # of a number in a frozenset
_COPIES_OF_CODES: Final = 2  # those of each piece, and those of all pieces that a search joins
_COMPONENT_BYTES: Final = 4


def memory_bytes(index: Index) -> int:
    """Return about how many bytes `index` takes besides its sections, once searches of all kinds have used it.

    They are the envelope, if it lists ids and metadata, the removed rows, and of the tail the codes and, if they are in
    several sections, a copy of the vectors for exact scans.
    """
    tail = index.tail
    is_packed = bool(tail.pieces or (index.base and index.base.packed)) and not tail.ids
    codes = _COPIES_OF_CODES * sum(piece.head[1] for piece in tail.pieces)
    is_joined = len(tail.pieces) + len(tail.sections) + (tail.fresh is not None) > 1
    vectors = len(tail) * index.params.dimension * _COMPONENT_BYTES if is_joined or tail.fresh is not None else 0
    return (0 if is_packed else index.body_start) + _REMOVED_BYTES * len(index.removed) + codes + vectors
