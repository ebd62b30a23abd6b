"""Find candidates in the partitions nearest to a query: choose the partitions, fetch their codes, and compare codes."""

from collections.abc import Sequence
from typing import Final
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import structs

from vectord.index.kernels.codes import RotatedQuery
from vectord.index.kernels.distance import F32, F64
from vectord.index.kernels.likely import smallest_of_rows
from vectord.index.query import prefetch
from vectord.index.query.coalescing import within_reach
from vectord.index.query.efforts import HIDDEN, K, filter_factors
from vectord.index.query.planner import SearchPlan
from vectord.index.rows import Mask, RowMask
from vectord.index.sections.parts import Parts
from vectord.index.state import Base, Index

Array = npt.NDArray[np.int64]

# The factor of a further search where the share of the rows found that were not removed is in a range.
_FACTORS: Final = ((0.0, 0.3, 24), (0.3, 0.75, 6))
# For a row mask, the rows of it in each partition. An entry is dropped with its mask.
_ELIGIBLE: Final[WeakKeyDictionary[RowMask, Array]] = WeakKeyDictionary()


class Probed(msgspec.Struct, frozen=True):
    """The candidates that a query found, and the numbers of partitions and entries that were examined.

    `target` is the query vector, of length 1 under cosine.

    Those of a search by ranges are ordered, best first; `requests` is the number of range requests that they may need,
    and `estimates` has the smallest estimated distances of rows of the mask, if a caller wants them.
    """

    rows: Array
    target: F32
    partitions: int
    entries: int
    requests: int
    estimates: F64 | None = None


def find(
    index: Index,
    base: Base,
    mask: RowMask,
    queries: Sequence[F32],
    k: int,
    *,
    plan: SearchPlan,
    estimates: bool = False,
) -> list[Probed]:
    """Return about `plan.effort` candidates of each query; codes that are missing are fetched in one round.

    A search by ranges returns fewer, if others are hardly among the `k` nearest. With `estimates`, it also returns the
    `k` smallest estimated distances.

    If many of the rows nearest to a query were removed, the next ones are farther apart than those of the calibration:
    then more partitions are probed, in another round.

    Raises:
        BlobCorrupt: a partition does not match its checksum. It also raises what fetching raises.
    """
    found = _find(index, base, mask, queries, k, plan=plan, estimates=estimates)
    if mask.filtered or mask.hidden_in_base is None:
        return found
    visible = [structs.replace(each, rows=each.rows[mask.base[each.rows]]) for each in found]
    shares = [len(each.rows) / max(1, len(before.rows)) for each, before in zip(visible, found, strict=True)]
    for least, share, factor in _FACTORS:
        few = [at for at, visible_share in enumerate(shares) if least <= visible_share < share]
        if few:
            more = _times(plan, factor)
            some = [queries[at] for at in few]
            again = _find(index, base, mask, some, k, plan=more, removed=True, estimates=estimates)
            for at, each in zip(few, again, strict=True):
                visible[at] = structs.replace(each, entries=visible[at].entries + each.entries)
    return visible


def _times(plan: SearchPlan, factor: int) -> SearchPlan:
    """Return the plan with a multiple of its effort."""
    return structs.replace(
        plan, probes=factor * plan.probes, effort=factor * plan.effort, requests=factor * plan.requests
    )


def _find(
    index: Index,
    base: Base,
    mask: RowMask,
    queries: Sequence[F32],
    k: int,
    *,
    plan: SearchPlan,
    removed: bool = False,
    estimates: bool = False,
) -> list[Probed]:
    """Return the candidates of each query with the effort of the plan, without the rows that a filter hides.

    With `removed`, also without removed rows, and without partitions of which all rows were removed.
    """
    parts = base.parts
    if parts is None:
        raise AssertionError("a plan over partitions needs an index that has some")
    is_masked = mask.filtered or removed
    hidden, eligible = (mask.hidden_in_base, _eligible_rows(parts, mask) > 0) if is_masked else (None, None)
    is_whole = parts.section.whole
    rotated = parts.queries(queries) if len(queries) > 1 else [parts.query(queries[0])]
    plans = [plan] * len(queries)
    if mask.filtered:
        plans = [_more_where_hidden(parts, mask, query, plan) for query in rotated]
    if mask.filtered or len(queries) == 1:
        near = parts.near if is_whole else parts.rank
        ranked = [near(query, each.probes, eligible) for query, each in zip(rotated, plans, strict=True)]
    else:
        ranked = (parts.near_all if is_whole else parts.rank_all)(rotated, plan.probes, eligible)
    if not is_whole:
        if not is_masked:  # the calibration knows what this loses without a filter
            starts = parts.code_starts.tolist()
            ranked = [np.array(within_reach(each.tolist(), starts), np.int64) for each in ranked]
        prefetch.fetch_codes(index, base, plan, ranked)
    found = []
    for query, each, partitions in zip(rotated, plans, ranked, strict=True):
        if plan.fetch == "ranges":
            rows, entries = parts.estimated(
                query, partitions, each.effort, hidden, k=max(k, K), errors=plan.errors, removed=mask.hidden_in_base
            )
        else:
            rows, entries = parts.nearest(query, partitions, each.effort, hidden)
        nearest = _smallest(parts, query, partitions, mask.hidden_in_base, k) if estimates else None
        found.append(Probed(rows, query.target, len(partitions), entries, each.requests, nearest))
    return found


def _smallest(parts: Parts, query: RotatedQuery, partitions: Array, hidden: Mask | None, count: int) -> F64:
    """Return the smallest estimated distances of up to `count` distinct rows of `partitions` that are not hidden."""
    if not len(partitions):
        return np.empty(0)
    rows, found = parts.estimates(query, partitions)
    visible = np.arange(len(rows)) if hidden is None else np.flatnonzero(~hidden[rows])
    return smallest_of_rows(rows[visible], found.values[visible], count)


def _more_where_hidden(parts: Parts, mask: RowMask, query: RotatedQuery, plan: SearchPlan) -> SearchPlan:
    """Return the plan with more effort if the filter hides more of the rows near to the query than of all rows.

    The plan has the effort for its share of all rows. Rows that satisfy the filter are then far from the query.
    """
    nearest = parts.near(query, plan.probes) if parts.section.whole else parts.rank(query, plan.probes)
    eligible = int(_eligible_rows(parts, mask)[nearest].sum())
    rows_near = int((parts.first_rows[nearest + 1] - parts.first_rows[nearest]).sum())
    near = filter_factors(eligible / max(1, rows_near), HIDDEN)
    usual = filter_factors(mask.base_count / len(mask.base))
    if near[0] <= usual[0]:
        return plan
    rows = near[1] / usual[1]
    return structs.replace(
        plan,
        probes=round(plan.probes * near[0] / usual[0]),
        effort=round(plan.effort * rows),
        requests=round(plan.requests * rows),
    )


def _eligible_rows(parts: Parts, mask: RowMask) -> Array:
    """Return how many primary rows of each partition are in the mask, int64 (partitions,)."""
    eligible = _ELIGIBLE.get(mask)
    if eligible is None:
        before = np.concatenate(([0], np.cumsum(mask.base)))  # the eligible rows before each row
        eligible = _ELIGIBLE[mask] = before[parts.first_rows[1:]] - before[parts.first_rows[:-1]]
    return eligible
