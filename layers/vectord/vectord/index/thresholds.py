"""The sizes at which an index changes its form or needs a build; docs/decisions/format.md has the measurements."""

from typing import Final

import msgspec

from vectord.index.sections.graph import exact_scan_is_cheap, layout_of
from vectord.index.state import Index


class Thresholds(msgspec.Struct, frozen=True):
    """The size of an index at which it is packed, and the bounds of its tail and its removed rows.

    An index of at least `packed` bytes is packed: a commit then copies unchanged bytes inside the store, and a cold
    search reads ranges. A smaller one is plain: its build takes a tenth of a second, and its file is Annoy's to the end.

    A build is due when the tail has more than `tail_rows` rows and more than one in `tail_share` of the base's, or when
    more than `tail_rows` rows are removed and more than one in `removed_share`. If a tail has more than `pieces`
    pieces, the last of them become one; a cold search reads as many ranges at once. `part` is the size in bytes to
    which the first part of an upload is padded, because S3 accepts no smaller part.
    """

    packed: int = 8 << 20
    tail_rows: int = 2_048
    tail_share: int = 8
    removed_share: int = 8
    pieces: int = 40
    part: int = 5 << 20


DEFAULT: Final = Thresholds()


def build_is_due(index: Index, thresholds: Thresholds = DEFAULT) -> bool:
    """Return True if the tail or the removed rows have outgrown their share of the base."""
    rows = index.base_rows
    return bool(index.base) and (
        len(index.tail) > max(thresholds.tail_rows, rows // thresholds.tail_share)
        or len(index.removed) > max(thresholds.tail_rows, rows // thresholds.removed_share)
    )


def compaction_is_due(index: Index, thresholds: Thresholds = DEFAULT) -> bool:
    """Return True if a build is due that no commit has to wait for, and that a search will profit from.

    That is a build of a packed base, or the first build of an index whose rows are all in its tail.
    """
    if index.can_keep_base:
        return build_is_due(index, thresholds)
    is_unbuilt = index.base is None and bool(index.tail_entries)
    return is_unbuilt and first_build_takes_long(index, thresholds)


def first_build_takes_long(index: Index, thresholds: Thresholds = DEFAULT) -> bool:
    """Return True if a build of an index without a packed base takes more than 0.15 s on one processor.

    It packs the index, which it then calibrates, or has many rows.
    """
    return not exact_scan_is_cheap(len(index), index.params.dimension) or _bytes_of_rows(index) >= thresholds.packed


def _bytes_of_rows(index: Index) -> int:
    """Return about how many bytes the live rows have in an index that is built."""
    live, rows = len(index), index.base_rows + len(index.tail)
    return live * layout_of(index.params).node_size + (index.documents.size * live // rows if live else 0)
