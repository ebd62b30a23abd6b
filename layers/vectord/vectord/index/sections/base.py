"""What the index asks of a section: its bytes, of which some may still lie in the object alone."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

type Span = tuple[int, int]  # start and stop, in bytes of the section

Bytes = npt.NDArray[np.uint8]


class Section(Protocol):
    """The bytes of a section; those that are not here yet read as anything."""

    @property
    def size(self) -> int: ...
    @property
    def buffer(self) -> Bytes: ...
    @property
    def path(self) -> Path | None:
        """A file that holds exactly the section, once it is whole; None if it is in memory."""

    @property
    def whole(self) -> bool: ...
    def missing(self, spans: Sequence[Span] | None) -> list[Span]:
        """Return what of `spans` (None for all) has still to be brought."""


type Wanted = tuple[Section, Sequence[Span] | None]  # None for the whole section


class Fetch(Protocol):
    """Brings bytes of sections here, all of them in one round; it may raise what the store's `read` does.

    `room` is how many bytes of sections can stay here.
    """

    @property
    def room(self) -> int: ...
    def __call__(self, *wanted: Wanted) -> None: ...


class InMemory:
    """A section that is here."""

    whole: Final = True
    path: Final = None

    def __init__(self, data: bytes | memoryview | Bytes) -> None:
        self.buffer: Bytes = np.frombuffer(data, np.uint8)

    @property
    def size(self) -> int:
        return len(self.buffer)

    def missing(self, spans: Sequence[Span] | None) -> list[Span]:
        return []


class _AllHere:
    """Stands for bringing where every section is in memory."""

    room: Final = sys.maxsize

    def __call__(self, *wanted: Wanted) -> None:
        if any(section.missing(spans) for section, spans in wanted):
            raise AssertionError("a section that is not here was opened without a way to bring it")


all_here: Final = _AllHere()
