"""Search an index: choose a plan, fetch the bytes that it reads, find and rescore candidates, and order the matches."""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import structs

from vectord.index.kernels.distance import F32
from vectord.index.kernels.exact_scan import smallest_with_ties
from vectord.index.query import candidates, planner, prefetch
from vectord.index.query.candidates import Candidates
from vectord.index.query.planner import EXACT, SearchPlan
from vectord.index.query.query import DEFAULT_RECALL, Answer, Match, Query, key_of_seen, sort_key
from vectord.index.rows import RowMask
from vectord.index.state import Base, Index

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
    if not mask.count or query.k <= 0:
        return [Answer([], index.count, "exact", eligible=mask.count) for _ in query.vectors]
    plan = _plan(index, mask, query, read_ahead=read_ahead)
    found, plan = _find(index, mask, query, plan)
    return [
        _answer(index, mask, query, (plan, each), matches)
        for each, matches in zip(found, _matches(index, found, query), strict=True)
    ]


def _plan(index: Index, mask: RowMask, query: Query, *, read_ahead: bool) -> SearchPlan:
    """Choose a plan, and fetch the sections of which it reads all bytes."""
    base, k = index.base, min(query.k, mask.count)
    if base is None or not mask.base_count:
        return EXACT
    if query.after is not None:
        query = structs.replace(query, recall=1.0, ef_search=0)
    if base.graph.section.whole:
        if not all(section.whole for section, _ in base.auxiliary):
            prefetch.fetch_auxiliary(index, base)
        return planner.choose(index, base, mask, query, k)
    if ranges := planner.choose_ranges(index, base, mask, query, k):
        prefetch.fetch_for_ranges(index, base, ranges, read_ahead=read_ahead)
        return ranges
    prefetch.fetch_whole(index, base)
    return structs.replace(planner.choose(index, base, mask, query, k), fetch="whole")


def _find(index: Index, mask: RowMask, query: Query, plan: SearchPlan) -> tuple[list[Candidates], SearchPlan]:
    """Return the candidates of each query vector, and the plan that found them."""
    base, vectors = index.base, query.vectors
    wanted, at_least = min(query.wanted, mask.count), query.after[0] if query.after else None
    in_tail = candidates.in_tail(index, mask, vectors, wanted, at_least=at_least) if mask.tail_count else []
    if base is None or not mask.base_count:
        return in_tail, plan
    if plan.strategy != "exact":
        k = min(query.k, mask.count)
        in_base = candidates.in_base(index, base, mask, vectors, k, plan=plan)
        found = _merged(in_base, in_tail)
        # If the cache cannot keep the index, a scan would read all of it again for each search.
        reads_all = plan.fetch == "ranges" and not planner.fits_in_cache(index, base)
        farthest = None if reads_all else query.max_distance
        if not any(
            candidates.are_incomplete(k, of_base, of_all, farthest)
            for of_base, of_all in zip(in_base, found, strict=True)
        ):
            return found, plan
        plan = _exact_plan(index, base, mask, plan)
    in_base = candidates.in_base(index, base, mask, vectors, wanted, plan=plan, at_least=at_least)
    return _merged(in_base, in_tail), plan


def _exact_plan(index: Index, base: Base, mask: RowMask, plan: SearchPlan) -> SearchPlan:
    """Return the exact plan that replaces a `plan` which found too few candidates, and fetch the sections it reads."""
    exact = planner.exact_plan(mask.base_count, base.graph.rows, index.params.dimension)
    if base.graph.section.whole:
        return structs.replace(exact, fetch=plan.fetch)
    prefetch.fetch_whole(index, base)
    return structs.replace(exact, fetch="whole")


def _merged(in_base: list[Candidates], in_tail: list[Candidates]) -> list[Candidates]:
    return [one + other for one, other in zip(in_base, in_tail, strict=True)] if in_tail else in_base


def _matches(index: Index, found: Sequence[Candidates], query: Query) -> list[list[Match]]:
    """Return the nearest candidates of each query vector, in order; their documents are read in one round.

    They are those of the page. More of them show that another page follows.
    """
    nearest = [_nearest(each, query) for each in found]
    rows = [each.rows[positions].tolist() for each, positions in zip(found, nearest, strict=True)]
    stored = _read(index, {row for some in rows for row in some})
    all_matches = []
    for each, rows_of_query, positions in zip(found, rows, nearest, strict=True):
        matches = []
        for row, distance in zip(rows_of_query, each.distances[positions].tolist(), strict=True):
            vector_id, metadata, vector = stored[row]
            matches.append(Match(vector_id, distance, metadata, vector))
        all_matches.append(_unseen(sorted(matches, key=sort_key), query))
    return all_matches


def _nearest(found: Candidates, query: Query) -> npt.NDArray[np.int64]:
    """Return the positions of the candidates that a page, and whether another one follows, depend on."""
    distances = found.distances
    if not query.bounded:
        return smallest_with_ties(distances, query.k)
    farthest = np.inf if query.max_distance is None else query.max_distance
    possible, wanted = np.isfinite(distances) & (distances <= farthest), query.wanted
    if query.after is not None:
        possible &= distances >= query.after[0]
        wanted += int(np.count_nonzero(distances == query.after[0]))  # only their ids decide
    positions = np.flatnonzero(possible)
    return positions[smallest_with_ties(distances[positions], wanted)]


def _unseen(matches: list[Match], query: Query) -> list[Match]:
    """Leave out the matches of earlier pages."""
    if query.after is None:
        return matches
    later = [match for match in matches if sort_key(match) > query.after]
    return [match for match in later if key_of_seen(match.id) not in query.seen] if query.seen else later


def _answer(
    index: Index, mask: RowMask, query: Query, source: tuple[SearchPlan, Candidates], matches: list[Match]
) -> Answer:
    """Return the answer with the first `k` of the matches, which a plan selected from its candidates."""
    (plan, found), page = source, matches[: query.k]
    more = len(matches) > query.k if found.complete and query.bounded else mask.count > len(page)
    examined = len(found.rows)
    return Answer(
        page,
        index.count,
        plan.strategy,
        plan.fetch,
        examined,
        mask.count,
        more=more,
        complete=found.complete,
    )


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
