"""Ranges: which of the rows that a search wants one request reads together."""

import numpy as np
import numpy.typing as npt

from vectord.index.kernels import compiled

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def range_numbers(rows: Array, row_bytes: int, gap: int, page: int) -> tuple[Array, Array]:
    """Return for each row of each list the number of its range, and the bytes that are read because of the row.

    `rows` are int64 (lists, n), those of a list best first and distinct; the results have this shape. A row at most
    `gap` bytes from a better row is in its range; of two such ranges, in that with the lesser number. Any other row
    starts a range with the next number, of which `page` more bytes are read. A row has `row_bytes`.
    """
    by_row = np.argsort(rows, axis=1)
    if compiled.native is None:
        return _range_numbers(rows, by_row, row_bytes, gap + row_bytes, page)
    numbers, costs = np.empty_like(by_row), np.empty_like(by_row)
    compiled.native.range_numbers(rows, by_row, row_bytes, gap + row_bytes, page, numbers, costs)
    return numbers, costs


def _range_numbers(rows: Array, by_row: Array, row_bytes: int, reach: int, page: int) -> tuple[Array, Array]:
    lists, count = rows.shape
    # In the order of the file, with a row before the first and after the last that are better than all others.
    ranks, starts = (np.empty((lists, count + 2), np.int64) for _ in range(2))
    ranks[:, [0, -1]] = -1
    ranks[:, 1:-1] = by_row
    starts[:, 0], starts[:, -1] = -(1 << 61), 1 << 61
    starts[:, 1:-1] = np.take_along_axis(rows, by_row, 1) * row_bytes
    before, after = _nearest_better(ranks), count + 1 - _nearest_better(ranks[:, ::-1])[:, ::-1]
    own, nearest, joined = starts[:, 1:-1], np.full((lists, count), 1 << 61), np.zeros((lists, count), np.bool_)
    others = []  # for each row the rank of a row whose range it joins; its own rank if it joins none
    for places in (before, after):
        distances = np.abs(own - np.take_along_axis(starts, places, 1))
        is_near = distances <= reach
        np.minimum(nearest, distances, out=nearest)
        joined |= is_near
        others.append(_by_rank(np.where(is_near, np.take_along_axis(ranks, places, 1), by_row), by_row))
    costs = _by_rank(np.where(joined, np.maximum(row_bytes, nearest), row_bytes + page), by_row)
    return _numbers(~_by_rank(joined, by_row), others), costs


def _by_rank[T: np.generic](values: npt.NDArray[T], by_row: Array) -> npt.NDArray[T]:
    """Return values in the order of the ranks; they are in the order of the file."""
    ranked = np.empty_like(values)
    np.put_along_axis(ranked, by_row, values, 1)
    return ranked


def _nearest_better(ranks: Array) -> Array:
    """Return for each place but the first and the last of a list the nearest place before it with a lesser rank.

    The first rank of a list is less than all others.
    """
    lists, width = ranks.shape
    flat = np.ascontiguousarray(ranks).reshape(-1)
    places = np.arange(lists * width) - 1
    unfinished = np.arange(lists * width).reshape(lists, width)[:, 1:-1].reshape(-1)
    while len(unfinished):
        # All ranks between a place and the one to compare with are greater, so that they can be skipped.
        unfinished = unfinished[flat[places[unfinished]] > flat[unfinished]]
        places[unfinished] = places[places[unfinished]]
    nearest: Array = places.reshape(lists, width)[:, 1:-1] - (np.arange(lists) * width)[:, None]
    return nearest


def _numbers(starts_range: Mask, others: list[Array]) -> Array:
    """Return the number of each row's range: a new one, or the least of those of the `others` whose range it joins."""
    numbers = np.where(starts_range, np.cumsum(starts_range, axis=1) - 1, 1 << 61)
    lists, count = numbers.shape
    places = [(other + (np.arange(lists) * count)[:, None]).reshape(-1) for other in others]
    flat = numbers.reshape(-1)
    while True:
        least = np.minimum(*(flat.take(of_other) for of_other in places))
        np.minimum(least, flat, out=least)
        if np.array_equal(least, flat):
            return flat.reshape(lists, count)
        flat = least
