"""Choose the rows of a hybrid search that may be matches, where the list by vector has estimated distances.

Their vectors and documents are read in one round. What they cost follows from their number, whatever the lists are.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from vectord.index.query.query import Fusion, ListName
from vectord.index.query.text import fusion as ranks
from vectord.index.query.text.fusion import Sorted
from vectord.index.query.text.nearest import Nearest
from vectord.index.rows import Array

_MORE: Final = 40  # rows than matches
_UNREAD: Final = 0.2  # of the list: the best rank that a row is expected to have whose code was not read


def possible_rows(lists: Mapping[ListName, Sorted], nearest: Nearest, fusion: Fusion, wanted: int) -> Array:
    """Return the rows, ascending, that may be among the `wanted` best; of too many, the likeliest ones.

    Of a row with an estimated distance that other lists have, the score is between two bounds, and it counts with the
    middle of them. Other scores are certain enough: the search has read the vectors of those that are likely the first
    few by vector, and the estimates of the others decide nothing.
    """
    scores = ranks.fused([each.shares(each.first) for each in lists.values()])
    bounds = _bounds(lists, nearest, fusion, scores)
    least = [low for low, _ in bounds.values()]
    bar = sorted(least)[-wanted] if len(least) > wanted else 0.0
    counted = {row: low + high for row, (low, high) in bounds.items() if high >= bar}
    best = sorted(counted, key=lambda row: (-counted[row], row))[: wanted + _MORE]
    return np.array(sorted(best), np.int64)


def _bounds(
    lists: Mapping[ListName, Sorted], nearest: Nearest, fusion: Fusion, scores: Mapping[int, float]
) -> dict[int, tuple[float, float]]:
    """Return the least and the greatest score of each row."""
    by_vector, listed = lists["vector"], nearest.listed
    of_others = {row for name, each in lists.items() if name != "vector" for row in each.rows.tolist()}
    others = np.array(sorted(of_others), np.int64)
    found = {row: (score, score) for row, score in scores.items()}
    at = np.flatnonzero(~listed.exact & np.isin(listed.rows, others))
    now, best = by_vector.share_at(listed.distances[at]), by_vector.share_at(listed.least[at])
    for row, share, most in zip(listed.rows[at].tolist(), now.tolist(), best.tolist(), strict=True):
        found[row] = scores[row] - share, scores[row] - share + most
    if nearest.unread is not None:
        rest = others[~np.isin(others, listed.rows)]
        most = float(by_vector.share(np.array(_UNREAD * fusion.candidates)))
        found |= {row: (scores[row], scores[row] + most) for row in rest[nearest.unread.has(rest)].tolist()}
    return found
