"""The sizes at which an index changes its form or needs a build; docs/decisions/format.md has the measurements."""

from collections.abc import Sequence
from typing import Final

import msgspec

from vectord.index.sections.graph import exact_scan_is_cheap
from vectord.index.state import Index


class Thresholds(msgspec.Struct, frozen=True):
    """The size of an index at which it is packed, and the bounds of its tail and its removed rows.

    An index of at least `packed` bytes is packed: a commit then copies unchanged bytes inside the store, and a cold
    search reads ranges. A smaller one is plain: it is built in 0.1 s, and its file is Annoy's to the end.

    A build is due when the tail has more than `tail_rows` rows and more than one in `tail_share` of the base's, when
    more than `tail_rows` rows are removed and more than one in `removed_share`, or when other fields of texts are
    declared than the index has. If a tail has more than `pieces`
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

_SIZE_RATIO: Final = 8  # of pieces of a tail that are merged
_SMALL_SHARE: Final = 8  # a piece below this share of a part is always written again, so that few small ones remain


def build_is_due(index: Index, thresholds: Thresholds = DEFAULT) -> bool:
    """Return True if the tail or the removed rows outgrew their share of the base, or if its texts must change."""
    rows = index.base_rows
    return bool(index.base) and (
        (index.params.text or {}) != index.text_fields
        or len(index.tail) > max(thresholds.tail_rows, rows // thresholds.tail_share)
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
    return live * 4 * index.params.dimension + (index.documents.size * live // rows if live else 0)


def kept_pieces(index: Index, added: int, thresholds: Thresholds = DEFAULT) -> int:
    """Return how many of the oldest pieces a commit keeps that adds rows of `added` bytes.

    It writes the rows of the other pieces again, as one piece with the added ones.
    """
    sizes = [piece.section.size for piece in index.tail.pieces]
    kept = pieces_to_keep(sizes, thresholds.pieces) if len(sizes) > thresholds.pieces else len(sizes)
    if added and kept and _may_grow(sizes[kept - 1], added, thresholds.part):
        kept -= 1  # its rows take the place of the spaces that would pad the first part
    return kept


def _may_grow(newest: int, added: int, part: int) -> bool:
    """Return True if a commit that adds `added` bytes writes the newest piece again, because that costs little."""
    return newest + added <= part or newest <= part // _SMALL_SHARE


def pieces_to_keep(sizes: Sequence[int], limit: int) -> int:
    """Return how many of the first pieces of a tail to keep; a commit writes the others as one piece.

    `sizes` are the bytes of more than `limit` pieces. At least a third of `limit` pieces are merged, and pieces of
    about one size: so a row of a tail of a thousand pieces is written again twice, and rarely more than a few at once.
    After O'Neil et al., "The log-structured merge-tree" (Acta Informatica 33, 1996).
    """
    bound = sizes[-1]
    while True:
        kept = len(sizes)
        while kept and sizes[kept - 1] <= bound:
            kept -= 1
        if len(sizes) - kept >= limit // 3 or not kept:
            return kept
        bound *= _SIZE_RATIO
