"""Choose how to search: the exact scan, the forest or the sketch, whichever reaches the recall soonest.

docs/decisions.md holds the measurements behind the constants.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from vectord.index.index import Base, Index

Strategy = Literal["exact", "forest", "sketch"]

DEFAULT_RECALL: Final = 0.95
# Rows that a search by ranges looks at for each request that it may make: more are not near enough to come along.
ROWS_A_REQUEST: Final = 8
K: Final = 10  # of recall@10, which the curves hold

# Up to here a scan takes about half a millisecond and its recall is 1; a forest would save little or nothing.
SCAN_COMPONENTS: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Way:
    """A way to search, and its effort: Annoy's search_k of the forest, rows measured exactly of the sketch.

    `requests` bounds those of a search by ranges, which leaves out the rows that would take more.
    """

    strategy: Strategy
    effort: int = 0
    requests: int = 0


EXACT: Final = Way("exact")


def scan_is_small(rows: int, dimension: int) -> bool:
    """Tell whether the exact scan of so many rows needs no forest beside it."""
    return rows * (dimension + 64) <= SCAN_COMPONENTS  # 64: what a row costs besides its components


def cost(way: Way, rows: int, dimension: int) -> float:
    """Return about how many nanoseconds a search takes on one core where everything is in memory."""
    if way.strategy == "exact":
        return 40_000 + rows * (7.8 + 0.116 * dimension)
    if way.strategy == "forest":
        return 91_000 + way.effort * (33 + 0.229 * dimension)
    return 120_000 + rows * 0.6 * -(-dimension // 64) + way.effort * (60 + 1.0 * dimension)


def target(recall: float) -> float:
    """Return what must have been measured for a promise of `recall`: a sample of 64 queries errs by about 0.015."""
    return recall + min(0.02, (1 - recall) / 2)


def effort_for(curve: Mapping[int, float], k: int, recall: float = DEFAULT_RECALL) -> int | None:
    """Return the least measured effort that reaches `recall` for `k` results, None if none does.

    The curve holds for k = 10; more results lie deeper, in proportion.
    """
    enough = [effort for effort, measured in curve.items() if measured >= target(recall)]
    return min(enough) * max(1, -(-k // K)) if enough else None


def choose(index: Index, base: Base, k: int, recall: float) -> Way:
    """Return the cheapest way that reaches `recall` for `k` results of an index whose base is here."""
    if recall >= 1 or scan_is_small(base.graph.rows, index.params.dimension):
        return EXACT
    ways = [EXACT]
    if base.sketch and (effort := effort_for(base.curves.get("sketch", {}), k, recall)):
        ways.append(Way("sketch", effort))
    if effort := effort_for(base.curves.get("forest", {}), k, recall):
        ways.append(Way("forest", max(effort, max(index.params.ef_search, k) * index.params.m)))
    return min(ways, key=lambda way: cost(way, base.graph.rows, index.params.dimension))


def by_ranges(base: Base, k: int, recall: float) -> Way | None:
    """Return the way of a search that reads ranges, None where none was measured to reach `recall`.

    The questions of the calibration are harder than real ones by 0.01 where few rows are missed (docs/decisions.md).
    """
    curve = base.curves.get("ranges", {}) if base.sketch else {}
    asked = max(recall - 0.01, min(recall, DEFAULT_RECALL))
    enough = [requests for requests, measured in curve.items() if measured >= asked]
    if not enough or recall >= 1:
        return None
    requests = min(enough) * max(1, -(-k // K))
    return Way("sketch", ROWS_A_REQUEST * requests, requests)
