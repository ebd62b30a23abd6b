"""Decide what of a large index to bring here for a search: nothing, some ranges, or all of it.

A search that finds nothing local reads the sketch and the few rows that it names, where that is sooner than all bytes.
Each later one brings an instalment of what is missing beside its rows, so that a busy index ends up resident, and no
single search pays for that.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.query.planner import EXACT, SearchPlan
from vectord.index.sections.base import Span, Wanted
from vectord.index.sections.documents import Packed
from vectord.index.state import Base, Index

Array = npt.NDArray[np.int64]
FetchMode = Literal["local", "ranges", "whole"]

# What one function gets of S3: seconds a request, bytes a second. Only their ratio matters here.
_REQUEST: Final = 0.025
_BANDWIDTH: Final = 75e6
_AT_ONCE: Final = 32  # requests
_ROUNDS: Final = 2  # of a search by ranges, besides that for a sketch: rows, documents
_INSTALMENT: Final = 4 << 20  # about as long on the link as the rounds of a search
_PAGES: Final = 4_096
REQUEST_BYTES: Final = (26 << 16) // 42  # of rows, for each request that a search by ranges may make
NEAR: Final = 48 << 10  # a gap between rows that is read rather than asked around


class PlanOptions(msgspec.Struct, frozen=True):
    """How a search would like to go: with everything here, and by ranges, None if it cannot."""

    local: Callable[[], SearchPlan]
    ranges: SearchPlan | None


# Where no graph is.
NOTHING: Final[tuple[SearchPlan, FetchMode]] = (EXACT, "local")


def prepare(
    index: Index, base: Base, wish: PlanOptions, searches: int = 1, *, in_passing: bool = True
) -> tuple[SearchPlan, FetchMode]:
    """Bring here what so many searches need before they can start, and return the way they go and the plan.

    Unless they have new things to read, or had, an instalment of the rest comes `in_passing`.
    """
    if base.graph.section.whole:
        if absent := [wanted for wanted in _beside(base) if not wanted[0].whole]:
            index.fetch(*absent)
        return wish.local(), "local"
    if wish.ranges and (not _fits(index, base) or _ranges_are_sooner(base, wish.ranges, searches)):
        whole = [*_sketch(base, wish.ranges), *((piece, None) for piece in index.tail.pieces)]
        if not all(section.whole for section, _ in whole):
            index.fetch(*whole, *_directory(base))
        elif in_passing and _fits(index, base):
            _pay_instalment(index, base)
        return wish.ranges, "ranges"
    return wish.local(), complete(index, base, "whole")


def complete(index: Index, base: Base, plan: FetchMode) -> FetchMode:
    """Bring everything here, and return the plan that this makes of `plan`."""
    if base.graph.section.whole:
        return plan
    index.fetch((base.graph.section, None), *_beside(base), *((piece, None) for piece in index.tail.pieces))
    return "whole"


def fetch_all(index: Index) -> None:
    """Bring everything here that a search can need."""
    if index.base:
        complete(index, index.base, "local")
        index.fetch(*_beside(index.base), *_columns(index.base))
    index.fetch(*((piece, None) for piece in index.tail.pieces))


def fetch_rows(index: Index, base: Base, rows: Sequence[Array], requests: int) -> list[Array]:
    """Bring the vectors of the most of each of `rows`, best first, that so many requests afford; return those.

    What leads to their documents comes with them.
    """
    some = [afforded(each, base.graph.layout.node_size, requests) for each in rows]
    # Not np.unique: its first call imports numpy.ma, which takes 10 ms.
    all_of_them = sorted(set().union(*(each.tolist() for each in some)))
    index.fetch((base.graph.section, base.graph.spans(np.array(all_of_them, np.int64))), *_directory(base))
    return some


def afforded(rows: Array, size: int, requests: int) -> Array:
    """Return those of `rows` for which ranges are opened, best first, while `requests` last, and those near them.

    `size` is a row's bytes in the section.
    """
    starts: list[int] = []  # of the rows taken, ascending
    taken = []
    most = requests * REQUEST_BYTES
    for row in rows.tolist():
        start = row * size
        at = bisect_left(starts, start)
        before = start - starts[at - 1] - size if at else NEAR + 1
        after = starts[at] - start - size if at < len(starts) else NEAR + 1
        gap = min(before, after)
        if gap > NEAR and not requests:
            continue
        requests -= gap > NEAR
        most -= size + (_PAGES if gap > NEAR else max(0, gap))
        if most < 0:
            break
        starts.insert(at, start)
        taken.append(row)
    return np.array(taken, np.int64)


def _beside(base: Base) -> list[Wanted]:
    """Return the sections that a resident index needs beside its graph."""
    documents: list[Wanted] = [(base.documents.section, None)] if isinstance(base.documents, Packed) else []
    return [*documents, *([(base.sketch.section, None)] if base.sketch else [])]


def _columns(base: Base) -> list[Wanted]:
    """Return what filters read; each brings what it needs of it, so that it comes only where everything does."""
    return [(base.columns, None)] if base.columns else []


def _sketch(base: Base, way: SearchPlan) -> list[Wanted]:
    return [(base.sketch.section, None)] if base.sketch and way.strategy == "sketch" else []


def _directory(base: Base) -> list[Wanted]:
    documents = base.documents
    return [(documents.section, [(0, 8), documents.directory])] if isinstance(documents, Packed) else []


def _fits(index: Index, base: Base) -> bool:
    return sum(entry.bytes for entry in (*base.entries, *index.entries)) <= index.fetch.room


def _ranges_are_sooner(base: Base, way: SearchPlan, searches: int) -> bool:
    if not isinstance(base.documents, Packed):
        return False
    all_of_it = sum(_bytes(section.missing(wanted)) for section, wanted in [(base.graph.section, None), *_beside(base)])
    sketch = sum(_bytes(section.missing(wanted)) for section, wanted in _sketch(base, way))
    requests = searches * way.requests
    read = sketch + requests * REQUEST_BYTES
    rounds = _ROUNDS + bool(sketch) + requests // _AT_ONCE
    return rounds * _REQUEST + read / _BANDWIDTH < _REQUEST + all_of_it / _BANDWIDTH


def _pay_instalment(index: Index, base: Base) -> None:
    """Bring the next missing bytes: of the documents first, since every answer reads some."""
    for section, _ in [*_beside(base), *_columns(base), (base.graph.section, None)]:
        missing = section.missing(None)
        if missing:
            index.fetch((section, _first(missing, _INSTALMENT)))
            return


def _first(spans: Sequence[Span], size: int) -> list[Span]:
    taken: list[Span] = []
    for start, stop in spans:
        if size <= 0:
            break
        taken.append((start, min(stop, start + size)))
        size -= stop - start
    return taken


def _bytes(spans: Sequence[Span]) -> int:
    return sum(stop - start for start, stop in spans)
