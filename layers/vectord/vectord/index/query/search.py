"""Search an index: choose a plan, fetch the bytes that it reads, find and rescore candidates, and order the matches."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

import msgspec
from msgspec import structs

from vectord.index.kernels.distance import F32
from vectord.index.kernels.exact_scan import smallest_with_ties
from vectord.index.query import candidates, planner, prefetch
from vectord.index.query.candidates import Candidates
from vectord.index.query.planner import EXACT, SearchPlan
from vectord.index.query.query import DEFAULT_RECALL, Answer, Match, Query
from vectord.index.rows import RowMask
from vectord.index.state import Base, Index

_ORDER: Final = attrgetter("distance", "id")

type _Stored = tuple[str, msgspec.Raw | None, F32]  # id, metadata, vector


def search(index: Index, vector: F32, k: int, recall: float = DEFAULT_RECALL, ef_search: int = 0) -> Answer:
    """Return the `k` nearest stored vectors to `vector`, float32 (dimension,), finite, and non-zero under cosine.

    Raises:
        BlobCorrupt: a section does not match its checksum, or contradicts itself. It also raises what fetching raises.
    """
    return search_many(index, Query(k, (vector,), recall=recall, ef_search=ef_search))[0]


def search_many(
    index: Index, query: Query, matching: RowMask | None = None, *, read_ahead: bool = True
) -> list[Answer]:
    """Return the answer to each of the query's vectors (at least one); they share one plan and its fetches.

    `matching` has the rows that satisfy the query's filter, None if it has no filter. With `read_ahead`, a search whose
    own bytes are cached may fetch bytes for later searches.

    Raises:
        BlobCorrupt: a section does not match its checksum, or contradicts itself. It also raises what fetching raises.
    """
    mask = index.live if matching is None else matching
    if query.exclude:
        mask = mask.without(index.find(query.exclude).values())
    k = min(query.k + query.depth, mask.count)
    if k <= 0 or query.k <= 0:
        return [Answer([], index.count, "exact", eligible=mask.count) for _ in query.vectors]
    plan = _plan(index, mask, query, k, read_ahead=read_ahead)
    found, plan = _find(index, mask, query, k, plan)
    return [
        Answer(_page(matches, query), index.count, plan.strategy, plan.fetch, len(each.rows), mask.count)
        for matches, each in zip(_matches(index, found, k), found, strict=True)
    ]


def _plan(index: Index, mask: RowMask, query: Query, k: int, *, read_ahead: bool) -> SearchPlan:
    """Choose a plan, and fetch the sections of which it reads all bytes."""
    base = index.base
    if base is None or not mask.base_count:
        return EXACT
    if base.graph.section.whole:
        if not all(section.whole for section, _ in base.auxiliary):
            prefetch.fetch_auxiliary(index, base)
        return planner.choose(index, base, mask, query, k)
    if ranges := planner.choose_ranges(index, base, mask, query, k):
        prefetch.fetch_for_ranges(index, base, ranges, read_ahead=read_ahead)
        return ranges
    prefetch.fetch_whole(index, base)
    return structs.replace(planner.choose(index, base, mask, query, k), fetch="whole")


def _find(index: Index, mask: RowMask, query: Query, k: int, plan: SearchPlan) -> tuple[list[Candidates], SearchPlan]:
    """Return the candidates of each query vector, and the plan that found them."""
    base, vectors = index.base, query.vectors
    in_tail = candidates.in_tail(index, mask, vectors, k) if mask.tail_count else []
    if base is None or not mask.base_count:
        return in_tail, plan
    in_base = candidates.in_base(index, base, mask, vectors, k, plan=plan)
    found = _merged(in_base, in_tail)
    if plan.strategy != "exact" and any(
        candidates.are_incomplete(mask, k, of_base, of_all) for of_base, of_all in zip(in_base, found, strict=True)
    ):
        plan = _exact_plan(index, base, mask, plan)
        found = _merged(candidates.in_base(index, base, mask, vectors, k, plan=plan), in_tail)
    return found, plan


def _exact_plan(index: Index, base: Base, mask: RowMask, plan: SearchPlan) -> SearchPlan:
    """Return the exact plan that replaces a `plan` which found too few candidates, and fetch the sections it reads."""
    exact = planner.exact_plan(mask.base_count, base.graph.rows, index.params.dimension)
    if base.graph.section.whole:
        return structs.replace(exact, fetch=plan.fetch)
    prefetch.fetch_whole(index, base)
    return structs.replace(exact, fetch="whole")


def _merged(in_base: list[Candidates], in_tail: list[Candidates]) -> list[Candidates]:
    return [one + other for one, other in zip(in_base, in_tail, strict=True)] if in_tail else in_base


def _matches(index: Index, found: Sequence[Candidates], k: int) -> list[list[Match]]:
    """Return the `k` nearest of each query's candidates, in order; their documents are read in one round."""
    nearest = [smallest_with_ties(each.distances, k) for each in found]
    rows = [each.rows[positions].tolist() for each, positions in zip(found, nearest, strict=True)]
    stored = _read(index, {row for some in rows for row in some})
    all_matches = []
    for each, rows_of_query, positions in zip(found, rows, nearest, strict=True):
        matches = []
        for row, distance in zip(rows_of_query, each.distances[positions].tolist(), strict=True):
            vector_id, metadata, vector = stored[row]
            matches.append(Match(vector_id, distance, metadata, vector))
        matches.sort(key=_ORDER)
        all_matches.append(matches[:k])
    return all_matches


def _read(index: Index, rows: Iterable[int]) -> dict[int, _Stored]:
    """Return id, metadata and vector of each row."""
    base, tail, base_rows = index.base, index.tail, index.base_rows
    stored: dict[int, _Stored] = {}
    in_base = sorted(row for row in rows if row < base_rows)
    if base and in_base:
        graph = base.graph
        vectors = graph.whole_vectors if graph.section.whole else graph.vectors
        for row, document in zip(in_base, base.documents.read(in_base, index.fetch), strict=True):
            stored[row] = document.id, document.metadata, vectors[row]
    in_tail = [row - base_rows for row in rows if row >= base_rows]
    if in_tail:
        vectors = tail.vectors(index.fetch)
        for row in in_tail:
            vector_id = tail.ids[row]
            stored[row + base_rows] = vector_id, tail.metadata.get(vector_id), vectors[row]
    return stored


def _page(matches: Sequence[Match], query: Query) -> list[Match]:
    """Return the matches after the query's cursor, up to its `k` of them and up to its `max_distance`."""
    if query.after is not None:
        matches = [match for match in matches if (match.distance, match.id) > query.after]
    return [match for match in matches[: query.k] if query.max_distance is None or match.distance <= query.max_distance]
