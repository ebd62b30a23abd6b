"""Join the ranks of several lists of rows to one score: reciprocal rank fusion.

Rows of one list that tie are ordered by id. To read an id costs a request if it is not in memory, so only the ids that
can decide what the best rows are get read.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from msgspec import structs

from vectord.index.kernels.distance import F64
from vectord.index.query.explanations import Explanation
from vectord.index.query.query import Fusion, ListName, Query
from vectord.index.query.text_limits import LEAST_PRODUCT
from vectord.index.rows import Array

_NO_BOUND: Final[Mapping[ListName, float]] = {"text": 0.0, "sparse": LEAST_PRODUCT}  # words add nothing negative
COMPLETE: Final = 10  # ranks before the first one that may be missing: the nearest rows are found with a high recall


class Ranking[T](msgspec.Struct, frozen=True, eq=False):
    """A list of rows, or of their ids, the best first, and the value of each: its distance or its relevance.

    Its scores count ranks as `counted_ranks` does.
    """

    rows: Sequence[T]
    values: Sequence[float]
    spacing: float = 1.0

    @property
    def rank_of(self) -> Mapping[T, int]:
        return {row: rank for rank, row in enumerate(self.rows, 1)}

    @property
    def counted_rank_of(self) -> Mapping[T, float]:
        """The ranks that scores count."""
        counted = counted_ranks(np.arange(1, len(self.rows) + 1), self.spacing)
        return dict(zip(self.rows, counted.tolist(), strict=True))

    @property
    def value_of(self) -> dict[T, float]:
        return dict(zip(self.rows, self.values, strict=True))


class Sorted(msgspec.Struct, frozen=True, eq=False):
    """Rows by the `values` of a list, the best first; rows with the same value in any order.

    With `weight`, a row of rank r gets weight / (rank_constant + r); a rank above `count` is not in the list. `first`
    and `last` are the ranks that a row can have, which count as `counted_ranks` says.
    """

    rows: Array
    values: F64
    first: Array
    last: Array
    count: int
    weight: float
    rank_constant: float
    spacing: float = 1.0

    def share(self, ranks: Array) -> F64:
        """Return what a row of each of `ranks` gets."""
        counted = counted_ranks(ranks, self.spacing)
        return np.where(counted <= self.count, self.weight / (self.rank_constant + counted), 0.0)

    def share_at(self, values: F64) -> F64:
        """Return what rows with these values, as they ascend in the list, get."""
        return self.share(1 + np.searchsorted(self.values, values))

    def shares(self, ranks: Array) -> dict[int, float]:
        """Return what each row gets if it has one of `ranks`."""
        return dict(zip(self.rows.tolist(), self.share(ranks).tolist(), strict=True))

    def tied(self, possible: Mapping[int, object]) -> list[int]:
        """Return the rows that tie with others, of ties that have a row of `possible`."""
        is_possible = np.fromiter((row in possible for row in self.rows.tolist()), np.bool_, len(self.rows))
        ties = set(self.first[is_possible & (self.first < self.last)].tolist())
        return [row for row, first in zip(self.rows.tolist(), self.first.tolist(), strict=True) if first in ties]

    def ranking(self, id_of: Mapping[int, str]) -> Ranking[int]:
        """Return the list, with ties in the order of the ids that are known."""
        keyed = zip(self.first.tolist(), self.rows.tolist(), self.values.tolist(), strict=True)
        counted = counted_ranks(np.arange(1, len(self.rows) + 1), self.spacing)
        length = int(np.count_nonzero(counted <= self.count))
        found = sorted(keyed, key=lambda each: (each[0], id_of.get(each[1], "")))[:length]
        return Ranking([row for _, row, _ in found], [value for _, _, value in found], self.spacing)


def bounds(query: Query) -> Mapping[ListName, float]:
    """Return the least relevance of each list that has one which leaves rows out."""
    least = {name: each.min_relevance for name, each in query.terms.items()}
    return {name: bound for name, bound in least.items() if bound > _NO_BOUND[name]}


def counted_ranks(ranks: Array, spacing: float) -> Array | F64:
    """Return the ranks that rows probably have in the whole list, of which some rows are missing after the first ones.

    The first ones keep their ranks, so that equal ranks of two lists get equal shares. With a `spacing` of 1, no row is
    missing.
    """
    return ranks if spacing == 1 else np.where(ranks <= COMPLETE, ranks, COMPLETE + spacing * (ranks - COMPLETE))


def by_distance(rows: Array, distances: F64, fusion: Fusion, spacing: float = 1.0) -> Sorted:
    """Return the list by vector, the nearest first; `spacing` is that of `counted_ranks`."""
    return structs.replace(_sorted(rows, distances, distances, fusion, fusion.vector_weight), spacing=spacing)


def by_relevance(rows: Array, relevances: F64, fusion: Fusion, name: ListName) -> Sorted:
    """Return the list `name`, by words or by a sparse vector, the most relevant first."""
    return _sorted(rows, relevances, -relevances, fusion, fusion.weight_of(name))


def possible_rows(lists: Sequence[Sorted], wanted: int) -> Mapping[int, float]:
    """Return the rows that can be among the `wanted` best in some order of the ties, with the best score of each."""
    least = fused([each.shares(each.last) for each in lists])
    most = fused([each.shares(each.first) for each in lists])
    if len(least) <= wanted:
        return most
    bar = sorted(least.values())[-wanted]
    return {row: score for row, score in most.items() if score >= bar}


def scores_of[T](rankings: Mapping[ListName, Ranking[T]], fusion: Fusion) -> dict[T, float]:
    """Return the score of each row that is in a list."""
    return fused(
        [
            {row: fusion.weight_of(name) / (fusion.rank_constant + rank) for row, rank in each.counted_rank_of.items()}
            for name, each in rankings.items()
        ]
    )


def explained[T](shares: Explanation, ranks: Mapping[ListName, Mapping[T, int]], row: T) -> Explanation:
    """Return the explanation of a row that has these shares, with its rank in each list that has it."""
    of_row = {name: each.get(row) for name, each in ranks.items()}
    return Explanation(of_row.get("vector"), of_row.get("text"), shares.terms, of_row.get("sparse"), shares.indices)


def fused[T](shares: Sequence[Mapping[T, float]]) -> dict[T, float]:
    """Return the sum of what each row gets from the lists, added up in their order."""
    total = dict[T, float]()
    for of_list in shares:
        for row, share in of_list.items():
            total[row] = total.get(row, 0.0) + share
    return total


def _sorted(rows: Array, values: F64, keys: F64, fusion: Fusion, weight: float) -> Sorted:
    order = np.argsort(keys)
    ascending = keys[order]
    first = np.searchsorted(ascending, ascending, "left") + 1
    last = np.searchsorted(ascending, ascending, "right")
    return Sorted(rows[order], values[order], first, last, fusion.candidates, weight, fusion.rank_constant)
