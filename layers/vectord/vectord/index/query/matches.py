"""Select the matches of each query vector from its candidates, and read them, within the size of an answer.

An answer whose size has a limit is refused, or cut if it is a page, by the least number of bytes that its matches have
in JSON. So no request fails that could be answered, and what is read and kept in memory stays near the limit.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import nsmallest
from itertools import batched
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import structs

from vectord.deadline import DeadlineCheck
from vectord.errors import AnswerTooLarge
from vectord.index.kernels.distance import F32, F64
from vectord.index.kernels.exact_scan import smallest_with_ties
from vectord.index.query.candidates import Candidates
from vectord.index.query.query import Answer, Match, Query, key_of_seen
from vectord.index.state import Index

Array = npt.NDArray[np.int64]

_LEAST_MATCH: Final = len('{"id":"a","distance":0.0},')
_LEAST_METADATA: Final = len(',"metadata":')
_LEAST_VECTOR: Final = len(',"vector":""')
_LEAST_COMPONENT: Final = 4  # `0.0,` in an array; base64 has more
_MAX_TIES: Final = 1_000  # rows more than a page needs, of which the documents are read without looking at ids first
_FEW: Final = 64  # documents that are read at a time if they may be large

type Stored = tuple[str, msgspec.Raw | None, F32 | None]  # id, metadata, vector
type MakeMatch = Callable[[int, float, Stored], Match]  # of a row, its key, and what is stored of it
type _Keyed = tuple[float, str, int]  # key, id, row


def _at_distance(_: int, distance: float, stored: Stored) -> Match:
    """Return a match of a search by vector, whose keys are distances."""
    return Match(stored[0], distance, *stored[1:])


class Selected(msgspec.Struct, frozen=True):
    """The rows of which the matches of one query vector are the first, unordered, and the keys that order them.

    The keys ascend; matches with the same key are ordered by id. A key is a distance, but for a search by words.
    `examined` is the number of candidates; `complete`, `partitions` and `entries` as in `Candidates`.
    """

    rows: Array
    keys: F64
    examined: int
    complete: bool
    partitions: int = 0
    entries: int = 0


class Matches(msgspec.Struct, frozen=True):
    """The matches of one query vector in order; `cut` if more of them would be too large for an answer."""

    listed: list[Match]
    cut: bool = False


def check_count(query: Query, dimension: int, count: int) -> None:
    """Raise AnswerTooLarge if `count` matches in one answer are larger than it may be, whatever their content."""
    least = count * _least_bytes(query, dimension)
    if least > query.max_bytes:
        raise _too_large(f"at least {least:,} bytes", query)


def check_size(query: Query, dimension: int, answers: Sequence[Answer]) -> None:
    """Raise AnswerTooLarge if answers are certainly larger than they may be, with their ids and metadata."""
    found = [match for answer in answers for match in answer.matches]
    size = len(found) * (_least_bytes(query, dimension) - 1) + _variable_bytes(found)  # 1: the shortest id
    if size > query.max_bytes:
        raise _too_large(f"at least {size:,} bytes", query)


def select(index: Index, found: Candidates, query: Query) -> Selected:
    """Return the rows that a page, and whether another one follows, depend on: the nearest ones and their ties.

    Of many ties, those with the first ids are selected.
    """
    rows, distances = found.rows, found.distances
    if query.bounded or len(rows) > query.k:
        positions = _nearest(found, query)
        rows, distances = rows[positions], distances[positions]
    if len(rows) > query.wanted + _MAX_TIES:
        first = _in_order(index, rows, distances, query)
        rows, distances = rows[first], distances[first]
    return Selected(rows, distances, found.examined, found.complete, found.partitions, found.entries)


def read(
    index: Index,
    selected: Sequence[Selected],
    query: Query,
    check: DeadlineCheck,
    make: MakeMatch = _at_distance,
) -> list[Matches]:
    """Return the matches of each query vector, which `make` makes; their documents are read in one round.

    They are those of the page. More of them show that another page follows.

    Raises:
        AnswerTooLarge: they are larger than `query.max_bytes`, and not a page, which is cut instead.
    """
    if not query.paged:
        check_count(query, index.params.dimension, sum(min(query.k, len(each.rows)) for each in selected))
    rows = [each.rows.tolist() for each in selected]
    most = query.max_bytes // _least_bytes(query, index.params.dimension) + 1
    if query.paged and len(rows[0]) > most:
        return [_page(index, selected[0], query, check, make)]
    stored = _stored(index, {row for some in rows for row in some}, query)
    if stored is None and query.paged:
        return [_page(index, selected[0], query, check, make)]
    if stored is None:  # perhaps because of rows that tie with the last match
        selected = [_first(index, each, query) for each in selected]
        rows = [each.rows.tolist() for each in selected]
        stored = _stored(index, {row for some in rows for row in some}, query)
        if stored is None:
            raise _too_large("more metadata than that", query)
    matches, size = list[Matches](), 0
    for each, rows_of_query in zip(selected, rows, strict=True):
        if len(selected) > 1:
            check()
        pairs = zip(each.keys.tolist(), rows_of_query, strict=True)
        keyed = _unseen(sorted([(key, stored[row][0], row) for key, row in pairs]), query)
        matches.append(Matches([make(row, key, stored[row]) for key, _, row in keyed]))
        if not query.paged and len(selected) > 1:
            size += _variable_bytes(matches[-1].listed[: query.k])
            if size > query.max_bytes:
                raise _too_large(f"at least {size:,} bytes of ids and metadata", query)
    return matches


def _variable_bytes(matches: Sequence[Match]) -> int:
    """Return the least number of bytes that the ids and the metadata of matches have in an answer."""
    return sum(len(match.id) + len(match.metadata or b"") for match in matches)


def _least_bytes(query: Query, dimension: int) -> int:
    """Return the least number of bytes that a match has in an answer, with the shortest id and metadata."""
    metadata = _LEAST_METADATA if query.include_metadata else 0
    return _LEAST_MATCH + metadata + (_LEAST_VECTOR + _LEAST_COMPONENT * dimension if query.include_vectors else 0)


def _too_large(size: str, query: Query) -> AnswerTooLarge:
    """Return the error for an answer of `size`, as text."""
    return AnswerTooLarge(
        f"The answer to {len(query.vectors) or 1} queries would have {size}, and at most {query.max_bytes:,} bytes can "
        "be sent. Send fewer queries at a time, ask for a smaller k, or leave 'vector' or 'metadata' out of 'include'."
    )


def _nearest(found: Candidates, query: Query) -> Array:
    """Return the positions of the candidates that a page, and whether another one follows, depend on."""
    distances = found.distances
    if not query.bounded:
        return smallest_with_ties(distances, query.k)
    farthest = np.inf if query.max_distance is None else query.max_distance
    possible, wanted = distances <= farthest, query.wanted
    if query.after is not None:
        possible &= distances >= query.after[0]
        wanted += int(np.count_nonzero(distances == query.after[0]))  # only their ids decide
    positions = np.flatnonzero(possible)
    return positions[smallest_with_ties(distances[positions], wanted)]


def _first(index: Index, selected: Selected, query: Query) -> Selected:
    """Return only the rows of the first `k` matches."""
    first = _in_order(index, selected.rows, selected.keys, query)[: query.k]
    return structs.replace(selected, rows=selected.rows[first], keys=selected.keys[first])


def _in_order(index: Index, rows: Array, keys: F64, query: Query) -> Array:
    """Return the positions of the first of `rows` that may be in a page, in order; only their ids are read."""
    by_row = np.argsort(rows)
    ids = index.ids_of(rows[by_row].tolist())
    keyed: Iterator[_Keyed] = zip(keys[by_row].tolist(), ids, by_row.tolist(), strict=True)
    if query.after is not None:
        after = query.after
        keyed = (key for key in keyed if key[:2] > after)
    return np.array([position for _, _, position in nsmallest(query.wanted, keyed)], np.int64)


def _unseen(keyed: list[_Keyed], query: Query) -> list[_Keyed]:
    """Leave out the matches of earlier pages."""
    if query.after is None:
        return keyed
    later = [each for each in keyed if each[:2] > query.after]
    return [each for each in later if key_of_seen(each[1]) not in query.seen] if query.seen else later


def _page(index: Index, selected: Selected, query: Query, check: DeadlineCheck, make: MakeMatch) -> Matches:
    """Return the first matches, until they are larger than an answer may be: a few documents are read at a time."""
    order = _in_order(index, selected.rows, selected.keys, query)
    rows, keys = selected.rows[order].tolist(), selected.keys[order].tolist()
    key_of, least = dict(zip(rows, keys, strict=True)), _least_bytes(query, index.params.dimension)
    listed, size = list[Match](), 0
    for some in batched(rows, _FEW):
        check()
        for row, stored in _stored_in_order(index, some, query):
            if key_of_seen(stored[0]) in query.seen:
                continue
            if size > query.max_bytes:
                return Matches(listed, cut=True)
            listed.append(make(row, key_of[row], stored))
            size += least + len(stored[1] or b"")
    return Matches(listed)


def _stored_in_order(index: Index, rows: Sequence[int], query: Query) -> Iterator[tuple[int, Stored]]:
    stored = _stored(index, rows, query)
    if stored is not None:
        yield from ((row, stored[row]) for row in rows)
        return
    for row in rows:
        alone = _stored(index, [row], query)
        assert alone is not None
        yield row, alone[row]


def _stored(index: Index, rows: Iterable[int], query: Query) -> dict[int, Stored] | None:
    """Return id, metadata and vector of each row, as the query requests; None if their metadata is too large.

    One row is never too large.
    """
    ordered, base, base_rows = sorted(rows), index.base, index.base_rows
    vectors: list[F32 | None] = [None] * len(ordered)
    if query.include_vectors:
        in_base = bisect_left(ordered, base_rows)
        if base and in_base:
            graph = base.graph
            of_graph = graph.whole_vectors if graph.section.whole else graph.vectors
            vectors[:in_base] = [of_graph[row] for row in ordered[:in_base]]
        if in_base < len(ordered):
            in_tail = np.array(ordered[in_base:], np.int64) - base_rows
            index.fetch(*index.tail.ranges_of(in_tail))
            vectors[in_base:] = list(index.tail.take(in_tail))
    if not query.include_metadata:
        found = zip(ordered, index.ids_of(ordered), vectors, strict=True)
        return {row: (vector_id, None, vector) for row, vector_id, vector in found}
    documents = index.documents.read(ordered, index.fetch, query.max_bytes) if ordered else []
    if len(documents) < len(ordered):
        return None
    stored, size = dict[int, Stored](), 0
    for row, document, vector in zip(ordered, documents, vectors, strict=True):
        size += len(document.metadata or b"")
        stored[row] = document.id, document.metadata, vector
    return stored if size <= query.max_bytes or len(stored) == 1 else None
