"""Dot products of a sparse vector with those of the rows of some segments: exact in float64, in the order of indices.

Values are float32, so each product has no error; the sum is that of float64, in the order of ascending indices. Every
row gets the same operations, in whichever section it is, so its dot product has the same bits.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from vectord.index.text.model import F64, Array, FieldTerms, Mask, Segment, positions
from vectord.index.text.ranking import Ranked
from vectord.index.text.sparse import values_of


class Products(NamedTuple):
    """The rows of a segment that share an index with a search, ascending, and their dot products."""

    rows: Array
    values: F64


def products(segment: Segment, terms: FieldTerms, values: Mapping[bytes, float]) -> Products:
    """Return the dot products of a segment with the indices `terms`, of which `values` has the values."""
    total: F64 = np.zeros(segment.rows)
    shares = np.zeros(segment.rows, np.bool_)
    for term, found in segment.of_field(terms):
        total[found.rows] += values[term] * values_of(found.counts, len(found.rows)).astype(np.float64)
        shares[found.rows] = True
    if segment.removed is not None:
        shares &= ~segment.removed.mask
    rows = np.flatnonzero(shares)
    return Products(rows, total[rows])


def shares(
    segments: Sequence[Segment], terms: FieldTerms, values: Mapping[bytes, float], rows: Array
) -> Iterator[tuple[int, bytes, float, float]]:
    """Yield what each index adds to the dot products of ascending rows of the index: row, term, stored value, product.

    Those of one row are in the order of indices, so that their sum has the bits of its dot product.
    """
    for segment in segments:
        start, stop = np.searchsorted(rows, [segment.first, segment.first + segment.rows]).tolist()
        for term, found in segment.of_field(terms) if start < stop else ():
            stored = values_of(found.counts, len(found.rows)).astype(np.float64)
            at, has = positions(rows[start:stop] - segment.first, found.rows)
            for row, value in zip(rows[start:stop][has].tolist(), stored[at[has]].tolist(), strict=True):
                yield row, term, value, values[term] * value


def rank(
    segments: Sequence[Segment],
    found: Sequence[Products],
    k: int,
    allowed: Mask | None,
    *,
    least: float,
    most: float,
) -> Ranked:
    """Return the `k` best rows, and all others whose product is equal to the last one's: a caller orders these by id.

    Rows are those of the index; `allowed` is a mask of them. Products are from `least` to `most`.
    """
    pairs = zip(segments, found, strict=True)
    rows = np.concatenate([np.empty(0, np.int64), *(each.rows + segment.first for segment, each in pairs)])
    scores = np.concatenate([np.empty(0), *(each.values for each in found)])
    chosen = (scores >= least) & (scores <= most)
    if allowed is not None:
        chosen &= allowed[rows]
    rows, scores = rows[chosen], scores[chosen]
    if len(rows) > k:
        best = scores >= np.partition(scores, len(scores) - k)[len(scores) - k]
        rows, scores = rows[best], scores[best]
    order = np.lexsort((rows, -scores))
    return Ranked(rows[order], scores[order])


def products_of(segments: Sequence[Segment], found: Sequence[Products], rows: Array) -> F64:
    """Return the dot products of ascending rows of the index; 0 for a row that shares no index with the search."""
    values: F64 = np.zeros(len(rows))
    for segment, each in zip(segments, found, strict=True):
        start, stop = np.searchsorted(rows, [segment.first, segment.first + segment.rows]).tolist()
        if start < stop and len(each.rows):
            at, has = positions(rows[start:stop] - segment.first, each.rows)
            values[start:stop][has] = each.values[at[has]]
    return values
