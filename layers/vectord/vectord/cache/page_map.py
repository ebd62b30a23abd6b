"""The page map of a section: a bitmap of the pages that are present, and the spans that are missing."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt

type Span = tuple[int, int]  # start and stop in bytes
type Spans = Sequence[Span] | npt.NDArray[np.int64]  # an array (n, 2) saves 0.1 ms per thousand spans

PAGE: Final = 4_096


class PageMap:
    """The pages of a section of `size` bytes; the last page may be short. `present_bytes` counts the present ones."""

    def __init__(self, size: int, *, present: bool = False) -> None:
        self.size = size
        self._present: npt.NDArray[np.bool_] = np.full(-(-size // PAGE), present)
        self.present_bytes = size if present else 0

    @property
    def complete(self) -> bool:
        return self.present_bytes == self.size

    def pages_inside(self, start: int, stop: int) -> tuple[int, int]:
        """Return the first page, and one past the last page, that are completely within [start, stop).

        Raises:
            ValueError: the span is not within the section.
        """
        if not 0 <= start <= stop <= self.size:
            raise ValueError(f"bytes {start} to {stop} are not within a section of {self.size}")
        first = -(-start // PAGE)
        last = len(self._present) if stop == self.size else stop // PAGE
        return first, max(first, last)

    def span(self, first: int, last: int) -> Span:
        """Return the bytes of the pages `first` to `last` (exclusive)."""
        return min(first * PAGE, self.size), min(last * PAGE, self.size)

    def are_present(self, first: int, last: int) -> bool:
        return bool(self._present[first:last].all())

    def mark_present(self, first: int, last: int) -> None:
        if first < last:
            new = last - first - int(np.count_nonzero(self._present[first:last]))
            correction = self.size - PAGE * len(self._present)  # 0, or minus the bytes that the last page is short
            includes_last = last == len(self._present) and not self._present[-1]
            self.present_bytes += new * PAGE + (correction if includes_last else 0)
            self._present[first:last] = True

    def clear(self) -> None:
        self._present[:] = False
        self.present_bytes = 0

    def missing(self, spans: Spans | None) -> list[Span]:
        """Return the missing pages of `spans` (None: of the section) as merged, ascending spans of whole pages.

        Raises:
            ValueError: a span is not within the section.
        """
        pages = np.flatnonzero(~self._present) if spans is None else self._missing_in(*self._pages_touched(spans))
        return self._spans_of(pages) if len(pages) else []

    def present_spans(self) -> list[Span]:
        pages = np.flatnonzero(self._present)
        return self._spans_of(pages) if len(pages) else []

    def _pages_touched(self, spans: Spans) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return for each span its first page and one past its last page, as int64 arrays."""
        if isinstance(spans, np.ndarray):
            flat = spans.reshape(-1)
        else:
            flat = np.fromiter(chain.from_iterable(spans), np.int64, 2 * len(spans))
        starts, stops = flat[::2], flat[1::2]
        lengths = stops - starts
        if len(flat) and (starts.min() < 0 or stops.max() > self.size or lengths.min() < 0):
            raise ValueError(f"a span is not within a section of {self.size} bytes")
        first = starts // PAGE
        return first, np.where(lengths > 0, (stops + (PAGE - 1)) // PAGE, first)

    def _missing_in(self, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the missing pages of the runs [first, last), ascending, without repetition."""
        if not len(first):
            return first
        order = np.argsort(first)
        first, reach = first[order], np.maximum.accumulate(last[order])
        # Merge runs that overlap or touch, so that the work depends on neither overlaps nor the size of the section.
        heads = np.flatnonzero(np.concatenate(([True], first[1:] > reach[:-1])))
        tails = np.concatenate((heads[1:], [len(first)])) - 1
        begin, lengths = first[heads], reach[tails] - first[heads]
        ends = np.cumsum(lengths)
        pages: npt.NDArray[np.int64] = np.arange(ends[-1]) + np.repeat(begin - ends + lengths, lengths)
        missing: npt.NDArray[np.int64] = pages[~self._present[pages]]
        return missing

    def _spans_of(self, pages: npt.NDArray[np.int64]) -> list[Span]:
        """Return the runs of ascending `pages` (at least one) as spans of bytes."""
        breaks = np.flatnonzero(np.diff(pages) != 1)
        starts = pages[np.concatenate(([0], breaks + 1))] * PAGE
        stops = (pages[np.concatenate((breaks, [len(pages) - 1]))] + 1) * PAGE
        stops[-1] = min(int(stops[-1]), self.size)
        return list(zip(starts.tolist(), stops.tolist(), strict=True))
