"""Fetch the bytes that a search reads: ranges of a large index, or whole sections.

A cold search reads the sketch and the few rows that the sketch selects, if that is faster than reading all bytes. Each
later search by ranges also fetches the next few megabytes of the missing bytes. So an index in frequent use is cached
after some time, and no single search waits for all of it.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.index.query.planner import BYTES_PER_REQUEST, SearchPlan, fits_in_cache
from vectord.index.sections.base import ByteRange, SectionRanges
from vectord.index.sections.documents import PackedDocuments
from vectord.index.state import Base, Index

Array = npt.NDArray[np.int64]

MAX_GAP: Final = (
    48 << 10
)  # bytes between rows; a gap up to this size is read with the rows instead of splitting the range in two
_READ_AHEAD: Final = 4 << 20  # bytes; their transfer takes about as long as the rounds of requests of a search
_PAGE: Final = 4_096


def fetch_for_ranges(index: Index, base: Base, plan: SearchPlan, *, read_ahead: bool = True) -> None:
    """Fetch the sections of which a search by ranges reads all bytes: the sketch and the tail.

    If they are all cached already, fetch the next missing bytes of the index instead (`read_ahead`).
    """
    sketch: list[SectionRanges] = [(base.sketch.section, None)] if base.sketch and plan.strategy == "sketch" else []
    whole = [*sketch, *_tail(index)]
    if not all(section.whole for section, _ in whole):
        index.fetch(*whole, *_directory(base))
    elif read_ahead and fits_in_cache(index, base):
        _read_ahead(index, base)


def fetch_auxiliary(index: Index, base: Base) -> None:
    """Fetch the sections other than the graph that a search can need and that are not whole yet."""
    index.fetch(*(wanted for wanted in base.auxiliary if not wanted[0].whole))


def fetch_whole(index: Index, base: Base) -> None:
    """Fetch all sections that a search without a filter can need."""
    index.fetch((base.graph.section, None), *base.auxiliary, *_tail(index))


def fetch_all(index: Index) -> None:
    """Fetch all sections that any search can need."""
    if index.base:
        if not index.base.graph.section.whole:
            fetch_whole(index, index.base)
        index.fetch(*index.base.auxiliary, *_columns(index.base))
    index.fetch(*_tail(index))


def fetch_rows(index: Index, base: Base, rows: Sequence[Array], requests: int | None) -> Sequence[Array]:
    """Fetch the vectors of each of `rows`, best first, as far as `requests` allow; return the rows that were fetched.

    If `requests` is None, all rows are fetched. The directory of the documents is fetched in the same round.
    """
    chosen = rows
    if requests is not None:
        chosen = [rows_within_budget(each, base.graph.layout.node_size, requests) for each in rows]
    # Not np.unique: its first call imports numpy.ma, which takes 10 ms.
    union = sorted(set().union(*(each.tolist() for each in chosen)))
    index.fetch((base.graph.section, base.graph.byte_ranges(np.array(union, np.int64))), *_directory(base))
    return chosen


def rows_within_budget(rows: Array, row_bytes: int, requests: int) -> Array:
    """Return those of `rows`, best first, that `requests` ranges can cover.

    A row near an earlier row is added to its range. Any other row needs a new range, if a request is left for it.
    `row_bytes` is the size of a row in the section.
    """
    starts: list[int] = []  # of the chosen rows, ascending
    chosen = []
    bytes_left = requests * BYTES_PER_REQUEST
    for row in rows.tolist():
        start = row * row_bytes
        at = bisect_left(starts, start)
        before = start - starts[at - 1] - row_bytes if at else MAX_GAP + 1
        after = starts[at] - start - row_bytes if at < len(starts) else MAX_GAP + 1
        gap = min(before, after)
        if gap > MAX_GAP and not requests:
            continue
        requests -= gap > MAX_GAP
        bytes_left -= row_bytes + (_PAGE if gap > MAX_GAP else max(0, gap))
        if bytes_left < 0:
            break
        starts.insert(at, start)
        chosen.append(row)
    return np.array(chosen, np.int64)


def _tail(index: Index) -> list[SectionRanges]:
    return [(piece, None) for piece in index.tail.pieces]


def _columns(base: Base) -> list[SectionRanges]:
    """Return the section `columns`, if there is one. A filter fetches only the blocks that it tests."""
    return [(base.columns, None)] if base.columns else []


def _directory(base: Base) -> list[SectionRanges]:
    documents = base.documents
    return [(documents.section, [(0, 8), documents.directory])] if isinstance(documents, PackedDocuments) else []


def _read_ahead(index: Index, base: Base) -> None:
    """Fetch the next missing bytes: first those of the documents, because every answer reads some documents."""
    for section, _ in [*base.auxiliary, *_columns(base), (base.graph.section, None)]:
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
