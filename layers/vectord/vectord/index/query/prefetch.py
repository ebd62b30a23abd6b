"""Fetch the bytes that a search reads: ranges of a large index, or whole sections.

A cold search reads the codes of a few partitions (or the sketch) and the few rows that these select, if that is faster
than reading all bytes. Each later search by ranges also fetches the next few megabytes of the missing bytes. So an
index in frequent use is cached after some time, and no single search waits for all of it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.index.kernels import range_numbers as ranges
from vectord.index.query.coalescing import (
    MAX_GAP,
    MAX_REQUESTS,
    SKETCH_GAP,
    in_few_requests,
    is_second_wave,
    joined,
)
from vectord.index.query.planner import SearchPlan, fits_in_cache
from vectord.index.query.rounds import of_codes, of_tail
from vectord.index.query.speed import BYTES_PER_REQUEST
from vectord.index.rows import RowMask
from vectord.index.sections.base import ByteRange, SectionRanges
from vectord.index.sections.documents import PackedDocuments
from vectord.index.state import Base, Index

Array = npt.NDArray[np.int64]

_READ_AHEAD: Final = 4 << 20  # bytes; their transfer takes about as long as the rounds of requests of a search
PAGE: Final = 4_096


def fetch_for_ranges(index: Index, base: Base, mask: RowMask, plan: SearchPlan, *, read_ahead: bool = True) -> None:
    """Fetch what a search by ranges reads first: the head of the partitions or the sketch, and of the tail.

    If that is cached since an earlier search, fetch the next missing bytes of the index instead (`read_ahead`).
    """
    if plan.strategy == "partitions" and base.parts:
        head: SectionRanges = (base.parts.section, [base.parts.head])
        if _are_missing([head]):
            index.fetch(head, *_tail(index, plan), *_directory(base))
        elif base.parts.section.whole and _are_missing(_tail(index, plan)):
            fetch_tail(index, plan)  # otherwise in the round of the codes
        elif read_ahead and fits_in_cache(index):
            _read_ahead(index, base)
        return
    sketch: list[SectionRanges] = [(base.sketch.section, None)] if base.sketch and plan.strategy == "sketch" else []
    of_tail = _eligible_of_tail(index, mask) if plan.strategy == "exact" else _tail(index, plan)
    wanted = [*sketch, *of_tail]
    if _are_missing(wanted):
        index.fetch(*wanted, *_directory(base))
    elif read_ahead and fits_in_cache(index):
        _read_ahead(index, base)


def fetch_codes(index: Index, base: Base, plan: SearchPlan, partitions: Sequence[Array]) -> None:
    """Fetch the codes of the partitions that some queries probe and of the tail, and the directory of the documents."""
    union = sorted(set().union(*(each.tolist() for each in partitions)))
    codes: list[SectionRanges] = []
    if base.parts:
        codes = [(base.parts.section, base.parts.code_ranges(np.array(union, np.int64)))]
    wanted = [*codes, *_tail(index, plan), *_directory(base)]
    index.fetch(*of_codes(wanted, len(partitions)))


def fetch_tail(index: Index, plan: SearchPlan) -> None:
    """Fetch what a search reads of the tail before it chooses rows: its codes, or all of it; one round at most."""
    wanted = _tail(index, plan)
    if _are_missing(wanted):
        index.fetch(*wanted)


def fetch_rows_of_tail(index: Index, rows: Array, queries: int = 1) -> None:
    """Fetch the vectors and the documents of ascending `rows` of the tail."""
    wanted = _rows_of_tail(index, rows, queries)
    if _are_missing(wanted):
        index.fetch(*wanted)


def fetch_auxiliary(index: Index, base: Base) -> None:
    """Fetch the sections other than the graph that a search can need and that are not whole yet."""
    index.fetch(*(wanted for wanted in base.auxiliary if not wanted[0].whole))


def fetch_whole(index: Index, base: Base) -> None:
    """Fetch all sections that a search without a filter can need."""
    index.fetch((base.graph.section, None), *base.auxiliary, *index.tail.needed)


def fetch_all(index: Index) -> None:
    """Fetch all sections that any search can need."""
    if index.base:
        if not index.base.graph.section.whole:
            fetch_whole(index, index.base)
        index.fetch(*index.base.auxiliary, *_columns(index.base))
    index.fetch(*index.tail.needed, *((text.section, None) for text in index.texts))


def fetch_rows(
    index: Index,
    base: Base,
    rows: Sequence[Array],
    requests: int | None,
    in_tail: Sequence[Array] = (),
    *,
    documents: bool = True,
) -> Sequence[Array]:
    """Fetch the vectors of each of `rows`, best first, as far as `requests` allow; return the rows that were fetched.

    If `requests` is None, all rows are fetched. Documents are fetched in the same round: those of the rows if the
    directory is cached and they are few requests, otherwise the directory if it is not cached; without `documents`, the
    directory at most. All rows of the tail `in_tail` are fetched.
    """
    chosen = rows
    if requests is not None:
        gap = SKETCH_GAP if base.sketch else MAX_GAP
        chosen = [rows_within_budget(each, base.graph.layout.node_size, requests, gap) for each in rows]
    # Not np.unique: its first call imports numpy.ma, which takes 10 ms.
    union = sorted(set().union(*(each.tolist() for each in chosen)))
    of_documents = _directory(base)
    if requests is not None and documents and not _are_missing(of_documents):
        of_documents = _documents_of(base, union, len(rows) * requests)
    wanted = [(base.graph.section, base.graph.byte_ranges(np.array(union, np.int64))), *of_documents]
    if base.sketch:
        wanted = [(section, joined(ranges or [], SKETCH_GAP)) for section, ranges in wanted]
    elif requests is not None:
        # If all documents are too many for this round, those of the matches are fetched in a round of their own.
        wanted = wanted[:1] if is_second_wave(wanted, len(rows)) else wanted
        wanted = in_few_requests(wanted, len(rows) * MAX_REQUESTS, len(rows))
    if in_tail:
        wanted += _rows_of_tail(index, union_of(in_tail), len(rows))
    index.fetch(*wanted)
    return chosen


def union_of(rows: Sequence[Array]) -> Array:
    """Return the rows that are in any of the arrays, ascending."""
    return np.array(sorted(set().union(*(each.tolist() for each in rows))), np.int64)


def _documents_of(base: Base, rows: Sequence[int], requests: int) -> list[SectionRanges]:
    """Return the ranges of the documents of ascending `rows`; none if they need more than `requests`."""
    documents = base.documents
    if not isinstance(documents, PackedDocuments) or documents.section.whole:
        return []
    ranges = documents.byte_ranges(rows)
    few = len(joined(ranges, SKETCH_GAP if base.sketch else MAX_GAP)) <= requests
    size = sum(stop - start for start, stop in ranges)
    return [(documents.section, ranges)] if few and size < requests * BYTES_PER_REQUEST else []


def rows_within_budget(rows: Array, row_bytes: int, requests: int, gap: int = MAX_GAP) -> Array:
    """Return those of `rows`, best first, that `requests` ranges can cover.

    A row near an earlier row is added to its range. Any other row needs a new range, if a request is left for it.
    `row_bytes` is the size of a row in the section.
    """
    numbers, costs = range_numbers(rows, row_bytes, gap)
    return rows[within_budget(numbers, costs, requests)]


def range_numbers(rows: Array, row_bytes: int, gap: int = MAX_GAP) -> tuple[Array, Array]:
    """Return for each of `rows`, best first, the number of its range, and the bytes that are read because of it."""
    numbers, costs = ranges.range_numbers(rows[None], row_bytes, gap, PAGE)
    return numbers[0], costs[0]


def within_budget(numbers: Array, costs: Array, requests: int) -> Array:
    """Return the positions of the rows that `requests` ranges can cover; both arrays are those of `range_numbers`."""
    positions = np.flatnonzero(numbers < requests)
    return positions[np.cumsum(costs[positions]) <= requests * BYTES_PER_REQUEST]


def _tail(index: Index, plan: SearchPlan) -> list[SectionRanges]:
    """Return what a search reads of the tail before it chooses rows."""
    tail = index.tail
    return of_tail([(piece.section, piece.layout) for piece in tail.pieces], tail.sections, by_codes=plan.tail_codes)


def _eligible_of_tail(index: Index, mask: RowMask) -> list[SectionRanges]:
    """Return the vectors of the rows of the tail that are in the mask, and where the documents are."""
    directories = [
        (piece.section, [piece.documents.head, piece.documents.directory])
        for piece in index.tail.pieces
        if not piece.section.whole
    ]
    return [*_rows_of_tail(index, np.flatnonzero(mask.tail)), *directories]


def _rows_of_tail(index: Index, rows: Array, queries: int = 1) -> list[SectionRanges]:
    """Return the vectors of ascending `rows` of the tail, and their documents if the directory is cached.

    Where the vectors need many requests, return all of a piece.
    """
    tail = index.tail
    wanted: list[SectionRanges] = [(section, None) for section in tail.sections if not section.whole]
    bounds = np.searchsorted(rows, tail.starts).tolist()
    for number, piece in enumerate(tail.pieces):
        some = rows[bounds[number] : bounds[number + 1]] - tail.starts[number]
        if not len(some) or piece.section.whole:
            continue
        ranges, (start, stop) = joined(piece.byte_ranges(some), MAX_GAP), piece.vector_range
        wanted.append((piece.section, ranges if len(ranges) * BYTES_PER_REQUEST < stop - start else [(start, stop)]))
        documents = piece.documents
        if not piece.section.missing([documents.head, documents.directory]):
            wanted.append((piece.section, documents.byte_ranges(some.tolist())))
    return in_few_requests(wanted, 2 * queries * MAX_REQUESTS, queries)


def _columns(base: Base) -> list[SectionRanges]:
    """Return the section `columns`, if there is one. A filter fetches only the blocks that it tests."""
    return [(base.columns, None)] if base.columns else []


def _directory(base: Base) -> list[SectionRanges]:
    documents = base.documents
    return (
        [(documents.section, [documents.head, documents.directory])] if isinstance(documents, PackedDocuments) else []
    )


def _are_missing(wanted: Sequence[SectionRanges]) -> bool:
    return any(section.missing(ranges) for section, ranges in wanted)


def _read_ahead(index: Index, base: Base) -> None:
    """Fetch the next missing bytes: first those of the documents, because every answer reads some documents."""
    for section, _ in [*base.auxiliary, *_columns(base), *index.tail.needed, (base.graph.section, None)]:
        missing = section.missing(None)
        if missing:
            index.fetch((section, _first_bytes(missing, _READ_AHEAD)))
            return


def _first_bytes(ranges: Sequence[ByteRange], size: int) -> list[ByteRange]:
    """Return the first `size` bytes of ascending ranges."""
    first: list[ByteRange] = []
    for start, stop in ranges:
        if size <= 0:
            break
        first.append((start, min(stop, start + size)))
        size -= stop - start
    return first
