"""Which pages of a section are present: a bitmap, and the spans that it lacks."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt

type Span = tuple[int, int]  # start and stop in bytes
type Spans = Sequence[Span] | npt.NDArray[np.int64]  # the array, (n, 2), saves 0.1 ms a thousand spans

PAGE: Final = 4_096


class Pages:
    """The pages of `size` bytes; the last one may be short."""

    def __init__(self, size: int, *, present: bool = False) -> None:
        self.size = size
        self._present: npt.NDArray[np.bool_] = np.full(-(-size // PAGE), present)
        self.bytes = size if present else 0

    @property
    def complete(self) -> bool:
        return self.bytes == self.size

    def covered(self, start: int, stop: int) -> tuple[int, int]:
        """Return the pages, first and one past the last, that lie wholly in [start, stop).

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

    def has(self, first: int, last: int) -> bool:
        return bool(self._present[first:last].all())

    def mark(self, first: int, last: int) -> None:
        if first < last:
            new = last - first - int(np.count_nonzero(self._present[first:last]))
            short = self.size - PAGE * len(self._present)  # 0 or negative: what the last page lacks
            self.bytes += new * PAGE + (short if last == len(self._present) and not self._present[-1] else 0)
            self._present[first:last] = True

    def clear(self) -> None:
        self._present[:] = False
        self.bytes = 0

    def missing(self, spans: Spans | None) -> list[Span]:
        """Return what is absent of `spans` (None: of everything) as whole pages: merged, ascending, cut at the size.

        Raises:
            ValueError: a span is not within the section.
        """
        absent = np.flatnonzero(~self._present) if spans is None else self._absent(*self._bounds(spans))
        if not len(absent):
            return []
        return self._bytes_of(absent)

    def present_spans(self) -> list[Span]:
        present = np.flatnonzero(self._present)
        return self._bytes_of(present) if len(present) else []

    def _bounds(self, spans: Spans) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the first pages of the spans, and one past their last pages, as int64."""
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

    def _absent(self, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the absent pages of the runs [first, last), ascending, each once."""
        if not len(first):
            return first
        order = np.argsort(first)
        first, reach = first[order], np.maximum.accumulate(last[order])
        # Runs that overlap or touch become one: the work grows neither with overlaps nor with the section's size.
        heads = np.flatnonzero(np.concatenate(([True], first[1:] > reach[:-1])))
        tails = np.concatenate((heads[1:], [len(first)])) - 1
        begin, lengths = first[heads], reach[tails] - first[heads]
        ends = np.cumsum(lengths)
        pages: npt.NDArray[np.int64] = np.arange(ends[-1]) + np.repeat(begin - ends + lengths, lengths)
        absent: npt.NDArray[np.int64] = pages[~self._present[pages]]
        return absent

    def _bytes_of(self, pages: npt.NDArray[np.int64]) -> list[Span]:
        """Return the runs of ascending `pages` (at least one) as spans of bytes."""
        breaks = np.flatnonzero(np.diff(pages) != 1)
        starts = pages[np.concatenate(([0], breaks + 1))] * PAGE
        stops = (pages[np.concatenate((breaks, [len(pages) - 1]))] + 1) * PAGE
        stops[-1] = min(int(stops[-1]), self.size)
        return list(zip(starts.tolist(), stops.tolist(), strict=True))
