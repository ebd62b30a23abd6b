"""What the study asks of a library: build an index of passages in a folder, and search it by words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

K: Final = 10
K1, B = 1.2, 0.75  # of BM25, for every library that can be set to them


class Library(Protocol):
    """An index of passages, whose numbers are their places in the corpus. A match has one of the words or more."""

    def build(self, passages: Sequence[str], folder: Path) -> int:
        """Build the index in an empty folder, and return its bytes on the disk, without a copy of the texts."""

    def open(self, passages: Sequence[str], folder: Path) -> None:
        """Make what was built ready to search; this is not measured."""

    def search(self, query: str) -> Sequence[int]:
        """Return the numbers of the K best passages, the best first."""
