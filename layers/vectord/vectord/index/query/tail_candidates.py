"""Find candidates in the tail and their exact distances: by its codes, or by a scan where that is as fast."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.index.kernels import exact_scan, likely
from vectord.index.kernels.distance import F32, F64, distances
from vectord.index.kernels.likely import Target
from vectord.index.query import candidates, prefetch, tail_codes
from vectord.index.query.candidates import Candidates, Chosen
from vectord.index.query.planner import SearchPlan
from vectord.index.rows import RowMask
from vectord.index.state import Base, Index, Tail

Array = npt.NDArray[np.int64]

# If more than one in 16 rows of a tail are likely, a scan takes less time than rescoring them.
_SCAN_SHARE: Final = 16
_NO_ESTIMATES: Final[F64] = np.empty(0)


def by_scan(
    index: Index, mask: RowMask, queries: Sequence[F32], k: int, *, at_least: float | None = None
) -> list[Candidates]:
    """Return the candidates of each query in the tail; all of the `k` nearest are among them.

    `at_least` has the same meaning as for `exact_scan.scan`.
    """
    tail, distance = index.tail, index.params.distance
    if mask.filtered and not _is_whole(tail):
        eligible = np.flatnonzero(mask.tail)
        prefetch.fetch_rows_of_tail(index, eligible)
        vectors = tail.take(eligible)
        return [
            Candidates(eligible + tail.first, distances(vectors, None, query, distance), len(eligible))
            for query in queries
        ]
    vectors = tail.vectors(index.fetch)
    found = []
    for query in queries:
        [rows] = exact_scan.scan(vectors, tail.norms, [query], k, distance, hidden=mask.hidden_tail, at_least=at_least)
        found.append(Candidates(rows + tail.first, distances(vectors, rows, query, distance), len(rows)))
    return found


def by_codes(
    index: Index, mask: RowMask, queries: Sequence[F32], target: Target, in_base: Sequence[Candidates]
) -> list[Candidates]:
    """Return the likely candidates of each query in the tail, all of which is fetched.

    No row is likely that is certainly farther than the k-th of the candidates `in_base`, if there are any.
    """
    if not _is_whole(index.tail):
        index.fetch(*index.tail.needed)
    opened = tail_codes.opened(index)
    if opened is None:
        return by_scan(index, mask, queries, target.k)
    found = []
    for number, query in enumerate(queries):
        rotated, k = opened.query(query), target.k
        limit = target.limit
        if in_base:
            kth = likely.kth_smallest(in_base[number].distances, k)
            limit = likely.limit_of(kth, rotated, index.params.distance)
        rows = opened.by_bits(rotated, Target(k, target.recall, limit), mask.tail)
        if len(rows) > len(index.tail) // _SCAN_SHARE:
            found += by_scan(index, mask, [query], k)
        else:
            found.append(_rescored(index, rows, query, k))
    return found


def with_base_by_ranges(
    index: Index, base: Base | None, mask: RowMask, queries: Sequence[F32], target: Target, *, plan: SearchPlan
) -> tuple[list[Candidates], list[Candidates]]:
    """Return the candidates of each query in the base and in the tail, both chosen by codes and fetched in one round.

    A list is empty if no rows of it may be in the answer.
    """
    if base is None:
        in_tail = _likely(index, mask, queries, target, [])
        prefetch.fetch_rows_of_tail(index, prefetch.union_of(in_tail), len(queries))
        return [], [_rescored(index, rows, query, target.k) for rows, query in zip(in_tail, queries, strict=True)]
    chosen = candidates.choose_in_base(index, base, mask, queries, target.k, plan=plan)
    prefetch.fetch_tail(index, plan)  # nothing, if the codes of the base were fetched
    estimates = [each.estimates for each in chosen.probed or () if each.estimates is not None]
    in_tail = _likely(index, mask, queries, target, estimates)
    rows = prefetch.fetch_rows(
        index, base, chosen.rows, candidates.requests_of(chosen, plan), in_tail, documents=plan.documents
    )
    chosen = Chosen(rows, chosen.probed)
    return (
        candidates.rescored_in_base(base, mask, queries, target.k, chosen, plan=plan),
        [_rescored(index, rows, query, target.k) for rows, query in zip(in_tail, queries, strict=True)],
    )


def _is_whole(tail: Tail) -> bool:
    return all(section.whole for section, _ in tail.needed)


def _likely(
    index: Index, mask: RowMask, queries: Sequence[F32], target: Target, estimates: Sequence[F64]
) -> list[Array]:
    """Return the rows of the tail that are likely for each query, by estimates; the heads of pieces must be fetched.

    `estimates` are the smallest estimated distances of rows of the base for each query, if there are any.
    """
    opened = tail_codes.opened(index)
    if opened is None:
        return [np.flatnonzero(mask.tail) for _ in queries]
    return [
        opened.by_estimates(opened.query(query), target, mask.tail, estimates[number] if estimates else _NO_ESTIMATES)
        for number, query in enumerate(queries)
    ]


def _rescored(index: Index, rows: Array, query: F32, k: int) -> Candidates:
    """Return `rows` of the tail with the exact distances of those that can be among their `k` nearest."""
    distance, opened = index.params.distance, tail_codes.opened(index)
    entries = opened.codes.count if opened else 0
    vectors = index.tail.take(rows)
    near = exact_scan.prune(vectors, query, k, distance)
    found = distances(vectors, near, query, distance)
    return Candidates(rows[near] + index.tail.first, found, len(rows), complete=False, entries=entries)
