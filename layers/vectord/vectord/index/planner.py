"""Choose between the exact scan and the forest, and measure at build what the forest needs.

docs/decisions.md holds the measurements behind the two constants.
"""

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from vectord.forest import Forest
from vectord.index import distance as dist
from vectord.index import exact
from vectord.index.distance import F32
from vectord.params import Distance

Strategy = Literal["exact", "forest"]

# 0.95 is promised; the sample of queries that stands for all of them errs by about 0.01.
TARGET: Final = 0.95 + 0.01
_K: Final = 10
_QUERIES: Final = 64
_SEED: Final = 7

# Up to here a scan takes about half a millisecond and its recall is 1; a forest would save little or nothing.
SCAN_COMPONENTS: Final = 4_000_000
# What one row looked at by the forest costs, in rows of a sequential scan: 0.8 to 1.7 here, 2.5 on a machine with
# faster memory.
FOREST_ROW_COST: Final = 2


def scan_is_small(rows: int, dimension: int) -> bool:
    """Tell whether the exact scan of so many rows needs no forest beside it."""
    return rows * (dimension + 64) <= SCAN_COMPONENTS  # 64: what a row costs besides its components


def effort_for(curve: Mapping[int, float], k: int) -> int | None:
    """Return the least measured effort that reaches the target recall for `k` results, None if none does.

    The curve holds for k = 10; more results lie deeper in the trees, in proportion.
    """
    enough = [effort for effort, measured in curve.items() if measured >= TARGET]
    return min(enough) * max(1, -(-k // _K)) if enough else None


def forest_effort(curve: Mapping[int, float], rows: int, k: int, floor: int) -> int:
    """Return the effort (Annoy's search_k, at least `floor`) that reaches the target recall for `k` results.

    0 where the exact scan is cheaper, or the only way that reaches it.
    """
    effort = max(effort_for(curve, k) or rows, floor)
    return 0 if effort * FOREST_ROW_COST >= rows else effort


def calibrate(vectors: F32, forest: Forest, measured: exact.Scale, distance: Distance) -> dict[int, float]:
    """Return effort -> recall@10 of the forest, up to the target or to where the exact scan is cheaper.

    The queries are held out by construction: each is a stored vector moved toward another one, so that it is none of
    the rows and lies between them, where real questions do. Recall counts the finds that are as near as the true
    tenth, so that ties among duplicates are no misses.
    """
    queries = _between(vectors) if measured.tame else []
    truth = [_tenth(vectors, exact.candidates(vectors, measured, q, _K, distance), q, distance) for q in queries]
    curve: dict[int, float] = {}
    effort = _K * forest.trees
    while truth and effort * FOREST_ROW_COST < len(vectors):
        found = [forest.candidates(query, 2 * _K, effort) for query in queries]
        hits = [
            min(_K, int((dist.distances(vectors, rows, query, distance) <= tenth).sum()))
            for rows, query, tenth in zip(found, queries, truth, strict=True)
        ]
        curve[effort] = round(sum(hits) / (_K * len(hits)), 4)
        if curve[effort] >= TARGET:
            break
        effort = effort * 3 // 2
    return curve


def _between(vectors: F32) -> list[F32]:
    rng = np.random.default_rng(_SEED)
    start = vectors[rng.choice(len(vectors), _QUERIES)]
    toward = vectors[rng.choice(len(vectors), _QUERIES)]
    moved: F32 = start + np.float32(0.375) * (toward - start)
    return list(moved[dist.norms(moved) > 0])  # a zero vector has no cosine


def _tenth(vectors: F32, rows: npt.NDArray[np.int64], query: F32, distance: Distance) -> float:
    return float(np.partition(dist.distances(vectors, rows, query, distance), _K - 1)[_K - 1])
