"""Find candidates in the base by the strategy of a plan, and their exact distances."""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels import exact_scan
from vectord.index.kernels.distance import F32, F64, distances, normalized
from vectord.index.query import prefetch, probing
from vectord.index.query.planner import SearchPlan
from vectord.index.query.probing import Probed
from vectord.index.rows import RowMask
from vectord.index.state import Base, Index

Array = npt.NDArray[np.int64]


class Candidates(msgspec.Struct, frozen=True):
    """Rows of the index that may be in the answer, and their exact distances, unordered.

    `examined` is the number of rows from which these were chosen; the others are certainly not among the nearest.
    `complete` is True if all of the nearest rows are among them. `partitions` and `entries` count what was examined to
    find them.
    """

    rows: Array
    distances: F64
    examined: int
    complete: bool = True
    partitions: int = 0
    entries: int = 0

    def __add__(self, other: "Candidates") -> "Candidates":
        return Candidates(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.distances, other.distances]),
            self.examined + other.examined,
            self.complete and other.complete,
            self.partitions + other.partitions,
            self.entries + other.entries,
        )


class Chosen(msgspec.Struct, frozen=True):
    """The rows of the base that each query rescores, best first, and how they were found, if partitions were probed."""

    rows: Sequence[Array]
    probed: Sequence[Probed] | None = None


def in_base(
    index: Index,
    base: Base,
    mask: RowMask,
    queries: Sequence[F32],
    k: int,
    *,
    plan: SearchPlan,
    at_least: float | None = None,
) -> list[Candidates]:
    """Return the candidates of each query in the base; the plan's recall is the share of the `k` nearest among them.

    `at_least` has the same meaning as for `exact_scan.scan`, and needs an exact plan.
    """
    if plan.strategy == "exact" and not plan.effort:
        return _scan(base, mask, queries, k, at_least=at_least)
    chosen = choose_in_base(index, base, mask, queries, k, plan=plan)
    if plan.fetch == "ranges":
        rows = prefetch.fetch_rows(index, base, chosen.rows, requests_of(chosen, plan), documents=plan.documents)
        chosen = Chosen(rows, chosen.probed)
    return rescored_in_base(base, mask, queries, k, chosen, plan=plan, at_least=at_least)


def choose_in_base(
    index: Index, base: Base, mask: RowMask, queries: Sequence[F32], k: int, *, plan: SearchPlan
) -> Chosen:
    """Return the rows of the base that each query rescores by `plan`, which is not a scan; fetch what chooses them."""
    if plan.strategy == "partitions":
        is_joint = plan.tail_codes and plan.fetch == "ranges"
        probed = probing.find(index, base, mask, queries, k, plan=plan, estimates=is_joint)
        return Chosen([each.rows for each in probed], probed)
    return Chosen([_rows(base, mask, query, k, plan) for query in queries])


def requests_of(chosen: Chosen, plan: SearchPlan) -> int | None:
    """Return the number of range requests that the chosen rows may need; None for any number."""
    if plan.strategy == "exact":
        return None
    return plan.requests if chosen.probed is None else max((each.requests for each in chosen.probed), default=0)


def rescored_in_base(
    base: Base,
    mask: RowMask,
    queries: Sequence[F32],
    k: int,
    chosen: Chosen,
    *,
    plan: SearchPlan,
    at_least: float | None = None,
) -> list[Candidates]:
    """Return the chosen rows with exact distances; the vectors of the rows must have been fetched."""
    if chosen.probed is None:
        exact = plan.strategy == "exact"
        return [
            Candidates(
                *_rescored(base, each, query, k, at_least=at_least), len(each), exact or len(each) >= mask.base_count
            )
            for each, query in zip(chosen.rows, queries, strict=True)
        ]
    return [
        Candidates(
            *_rescored(base, each, query, k, target=found.target),
            len(each),
            len(each) >= mask.base_count,
            found.partitions,
            found.entries,
        )
        for each, query, found in zip(chosen.rows, queries, chosen.probed, strict=True)
    ]


def are_incomplete(k: int, in_base: Candidates | None, found: Candidates, farthest: float | None) -> bool:
    """Return True if fewer than `k` candidates were found up to the distance `farthest` (None: at any distance).

    Also return True if no candidate of the base is farther than the k-th of `found`: ties are ordered by id, and rows
    that were not found may belong to the tie. The caller must then scan all rows.
    """
    if found.complete:
        return False
    if len(found.rows) < k:
        return True
    # If rows were left out because they are certainly farther, none of them can tie.
    may_tie = in_base is not None and not in_base.complete and in_base.examined <= len(in_base.rows)
    if not may_tie and farthest is None:
        return False
    kth = np.partition(found.distances, k - 1)[k - 1]
    if in_base and may_tie and not in_base.distances.max(initial=-np.inf) > kth:
        return True
    return farthest is not None and bool(kth > farthest)


def _scan(base: Base, mask: RowMask, queries: Sequence[F32], k: int, *, at_least: float | None) -> list[Candidates]:
    vectors, distance = base.graph.whole_vectors, base.graph.distance
    scanned = exact_scan.scan(
        vectors, base.graph.norms, queries, k, distance, hidden=mask.hidden_base, at_least=at_least
    )
    return [
        Candidates(rows, distances(vectors, rows, query, distance), len(rows))
        for rows, query in zip(scanned, queries, strict=True)
    ]


def _rows(base: Base, mask: RowMask, query: F32, k: int, plan: SearchPlan) -> Array:
    if plan.strategy == "exact":
        return mask.base_rows
    if plan.strategy == "sketch" and base.sketch:
        return base.sketch.candidates(query, plan.effort, mask.hidden_base)
    return _forest_rows(base, mask, query, k, plan.effort)


def _forest_rows(base: Base, mask: RowMask, query: F32, k: int, effort: int) -> Array:
    # Annoy orders its results in float32: request some more than k, so that rounding loses no true neighbour.
    target = normalized(query) if base.graph.distance == "cosine" else query
    hidden = mask.hidden_base
    rows = base.graph.forest.candidates(target, 2 * k + 32 + len(hidden), effort)
    eligible = rows[~np.isin(rows, hidden)] if len(hidden) else rows
    # If too many of the rows are hidden, the effort was spent on hidden rows: return none, so that a scan follows.
    return eligible if 2 * len(eligible) * base.graph.rows >= len(rows) * mask.base_count else eligible[:0]


def _rescored(
    base: Base, rows: Array, query: F32, k: int, *, target: F32 | None = None, at_least: float | None = None
) -> tuple[Array, F64]:
    """Return those of `rows` that can be among their `k` nearest, and their exact distances."""
    graph, distance = base.graph, base.graph.distance
    if target is None:
        target = normalized(query) if distance == "cosine" else query
    if graph.section.whole and at_least is None:
        return graph.nearest(rows, query, target, k)
    vectors = graph.take(rows)
    near = exact_scan.prune(vectors, query, k, distance, target=target, at_least=at_least)
    return rows[near], distances(vectors, near, query, distance)
