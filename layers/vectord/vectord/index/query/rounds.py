"""What a search by ranges reads in the round of the codes: of partitions, of the tail, and of the documents.

Layouts are enough to know it, and nothing here needs numpy: a cold start plans this round while numpy is imported
(`early.py`), and the search plans it again when it is.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from vectord.index.query.coalescing import CODE_REQUESTS, ByteRange, Wanted, WantedOf, in_few_requests
from vectord.lhv1.rows_layout import DocumentsLayout, PieceLayout

# Components of the vectors of a tail. A search by ranges reads all of a smaller one in about the time of one request.
_LEAST_COMPONENTS: Final = 1 << 16
_SMALL: Final = 256 << 10  # bytes of the vectors of a piece, which a search then reads whole


def reads_codes_of_tail(rows: int, dimension: int) -> bool:
    """Return True if a search by ranges reads the codes of a tail of pieces, and then few of its `rows`, not all."""
    return rows * dimension >= _LEAST_COMPONENTS


def of_tail[S](pieces: Iterable[tuple[S, PieceLayout]], listed: Sequence[S], *, by_codes: bool) -> list[WantedOf[S]]:
    """Return what a search reads of the tail before it chooses rows: all of it, or the codes and where documents are.

    `pieces` are its pieces, and `listed` its other sections.
    """
    of_pieces = [(section, _of_piece(layout) if by_codes else None) for section, layout in pieces]
    return [*of_pieces, *((section, None) for section in listed)]


def _of_piece(layout: PieceLayout) -> Sequence[ByteRange] | None:
    if layout.documents - layout.vectors <= _SMALL:
        return None
    return [(0, layout.vectors), *of_documents(layout.of_documents)]


def of_documents(layout: DocumentsLayout) -> list[ByteRange]:
    """Return what a search reads before it knows which documents to read: the counts, and where each block starts."""
    return [layout.head, layout.directory]


def of_codes[S](wanted: Wanted[S], queries: int = 1) -> list[WantedOf[S]]:
    """Return what `queries` read of sections in the round of the codes, in few requests."""
    return in_few_requests(wanted, queries * CODE_REQUESTS + len(wanted), queries)
