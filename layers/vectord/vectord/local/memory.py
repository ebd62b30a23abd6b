"""A section whose bytes are all in memory already: a small blob, or a test."""

from collections.abc import Buffer
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vectord.local.pages import Span, Spans


class MemorySection:
    """`data` as a section: whole, verified by whoever read it, nothing to fetch."""

    whole: bool = True
    path: Path | None = None

    def __init__(self, data: Buffer) -> None:
        self.buffer: npt.NDArray[np.uint8] = np.frombuffer(memoryview(data).toreadonly(), np.uint8)
        self.size = len(self.buffer)

    def missing(self, spans: Spans | None) -> list[Span]:
        return []
