"""The effort of a search over partitions: the least measured one that reaches a recall, and more of it for filters.

docs/decisions/search.md has the measurements behind the constants.
"""

import math
from typing import TYPE_CHECKING, Final

import msgspec

from vectord.index.query.speed import seconds_by_ranges
from vectord.lhv1.parts_shape import ColdPoint, PartsShape, WarmPoint

if TYPE_CHECKING:  # it needs numpy, and a cold start chooses an effort before numpy is imported
    from vectord.index.rows import RowMask

_LARGE_K: Final = 100  # of recall@100; a search for more matches needs proportionally more partitions and rows
K: Final = 10  # of recall@10
DEFAULT_RECALL: Final = 0.95

# Factors for a search with a filter. The rows that satisfy it may be far from the query: then they are in partitions
# that are not near each other, and codes distinguish them less well.
_MOST_PROBES: Final = 6.0
_MOST_ROWS: Final = 5.0
_COLD_ROWS: Final = 1.5  # by ranges, times that for rows: a request for one row then reads fewer rows beside it
HIDDEN: Final = 4.0  # times these, where the filter hides the rows around the query
_FILTER_SLOPE: Final = 3.0  # by which both grow with the number of rows for each eligible row

# How far above the target the measured recall of a search over partitions must be: a share of what is missing to 1, and
# a little more. The error of the measurement falls with what is missing. At a target of 0.95 it was 0.013 in 150 tight
# clusters, of which each has few of the queries (docs/decisions/search.md).
_MARGIN_SHARE: Final = 0.2
_LEAST_MARGIN: Final = 0.002


class Effort(msgspec.Struct, frozen=True):
    """The partitions to probe, the rows to rescore, and the entries that this examines on average.

    `requests` is the number of range requests for rows that a search by ranges may send.
    """

    probes: int
    rows: int
    entries: int
    requests: int = 0


def warm_efforts(shape: PartsShape, k: int, required: float, mask: "RowMask | None" = None) -> list[Effort]:
    """Return the efforts of a search in memory that were measured to reach the recall `required` for `k` matches."""
    return [
        _scaled(Effort(point.probes, point.rows, point.entries), shape, k, mask)
        for point in shape.warm
        if _recall(point, k) >= required
    ]


def fastest_by_ranges(
    shape: PartsShape, entry_bytes: int, k: int, recall: float, mask: "RowMask | None" = None
) -> Effort | None:
    """Return the fastest effort of a search by ranges that was measured to reach `recall` for `k` matches.

    The stored recall by ranges has a margin. An entry has `entry_bytes`. Return None if no effort reaches it.
    """
    entries = shape.entries / shape.partitions
    efforts = [
        _scaled(Effort(point.probes, point.rows, round(point.probes * entries), point.requests), shape, k, mask)
        for point in shape.cold
        if _recall(point, k) >= recall
    ]
    return min(
        efforts,
        key=lambda each: seconds_by_ranges(each.probes, each.entries * entry_bytes, each.requests),
        default=None,
    )


def required_of_partitions(recall: float) -> float:
    """Return the measured recall of a search over partitions that is enough for a target of `recall`."""
    margin = _MARGIN_SHARE * (1 - recall)
    return round(recall + margin + min(_LEAST_MARGIN, margin), 4)


def _recall(point: WarmPoint | ColdPoint, k: int) -> float:
    return point.recall_10 if k <= K else point.recall_100


def _scaled(effort: Effort, shape: PartsShape, k: int, mask: "RowMask | None") -> Effort:
    """Return the effort for more than 100 matches, and for a filter."""
    is_filtered = mask is not None and mask.filtered
    probes, rows = filter_factors(mask.base_count / len(mask.base)) if mask is not None and is_filtered else (1.0, 1.0)
    if effort.requests and is_filtered:
        rows *= _COLD_ROWS
    scale = max(1.0, k / _LARGE_K)
    return Effort(
        min(shape.partitions, round(effort.probes * scale * probes)),
        round(effort.rows * scale * rows),
        min(shape.entries, round(effort.entries * scale * probes)),
        round(effort.requests * scale * rows),
    )


def filter_factors(share: float, most: float = 1.0) -> tuple[float, float]:
    """Return the factors of probes and rows for a `share` of eligible rows, at most `most` times 6 and 5."""
    factor = 1 + _FILTER_SLOPE * (1 / share - 1) if share else math.inf
    return min(most * _MOST_PROBES, factor), min(most * _MOST_ROWS, factor)
