"""What a commit reads that adds rows to an index: the pieces that it writes again, and the head of the partitions.

It reads them together with the ids that it looks up first, in one round of requests.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import structs

from vectord.index.sections.base import Fetch, SectionRanges
from vectord.index.sections.parts import Parts
from vectord.index.state import Base, Index, Tail
from vectord.index.thresholds import DEFAULT, Thresholds, kept_pieces
from vectord.lhv1 import parts_copy

_ROW_BYTES: Final = 64  # about those of a row in a piece besides vector and metadata
_PART_SHARE: Final = 12  # a copy of the head of the partitions has up to one in 12 bytes of a part: 426 KiB


def read_ahead(index: Index, base: Base, rows: int, thresholds: Thresholds = DEFAULT) -> Index:
    """Return `index`, whose first fetch also reads what a commit reads that adds `rows` rows to its packed `base`."""
    kept = kept_pieces(index, rows * bytes_of_row(index.tail), thresholds)
    needed = read_by_append(index, base, kept, thresholds)
    is_cached = not any(section.missing(ranges) for section, ranges in needed)
    return index if is_cached else structs.replace(index, fetch=_ReadAhead(index.fetch, needed))


class _ReadAhead(msgspec.Struct, frozen=True, eq=False):
    """A `Fetch` that also fetches what is `needed` later."""

    fetch: Fetch
    needed: Sequence[SectionRanges]

    @property
    def capacity(self) -> int:
        return self.fetch.capacity

    @property
    def is_local(self) -> bool:
        return self.fetch.is_local

    def __call__(self, *wanted: SectionRanges) -> None:
        whole = {id(section) for section, ranges in self.needed if ranges is None}
        self.fetch(*(each for each in wanted if id(each[0]) not in whole), *self.needed)


def read_by_append(index: Index, base: Base | None, kept: int, thresholds: Thresholds) -> list[SectionRanges]:
    """Return the bytes that a commit reads which writes the rows of all but the `kept` oldest pieces again."""
    tail = index.tail
    again = [(piece.section, None) for piece in tail.pieces[kept:]] + [(section, None) for section in tail.sections]
    return [*(each for each in again if not each[0].whole), *_head_of_parts(base, thresholds)]


def bytes_of_row(tail: Tail) -> int:
    return 4 * tail.params.dimension + _ROW_BYTES


def copy_size(parts: Parts, thresholds: Thresholds) -> int:
    return parts_copy.copy_size(parts.head[1], parts.section.size, thresholds.part // _PART_SHARE)


def _head_of_parts(base: Base | None, thresholds: Thresholds) -> list[SectionRanges]:
    """Return the bytes of the partitions that a commit reads: those that it copies, and the mean."""
    parts = base.parts if base else None
    return [(parts.section, [(0, copy_size(parts, thresholds)), parts.mean_range])] if parts else []
