"""What the study asks of a database in a folder: load rows, build its index, open it again, and search."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
Metadata = Mapping[str, Any]

K: Final = 10
NAME: Final = "films"
WARM_UP: Final = "other"  # a few rows are loaded into it before the clock starts, so that no library imports anything
GENRES: Final = ("drama", "horror", "comedy", "western", "musical")


class Database(Protocol):
    """A database in one folder. Ids are texts of row numbers."""

    def create(self, name: str, dimension: int) -> None:
        """Create an empty collection for cosine distance, and use it from then on."""

    def load(self, ids: Sequence[str], vectors: F32, metadata: Sequence[Metadata]) -> None:
        """Add the rows, as the documentation recommends for many of them. A search then finds all of them."""

    def build(self) -> None:
        """Wait until searches use an index, or build it where that is a step of its own."""

    def open(self) -> None:
        """Open the collection in a new process."""

    def search(self, query: F32, effort: Any) -> Sequence[int]:
        """Return the rows of the K nearest; their distances and metadata are read as well."""

    def close(self) -> None:
        """Close the folder."""


def metadata_of(rows: int) -> list[Metadata]:
    """Return small metadata for each row: a year and a genre."""
    return [{"year": 1_920 + row % 105, "genre": GENRES[row % len(GENRES)]} for row in range(rows)]


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder; a file with several names counts once."""
    found = {(stat.st_dev, stat.st_ino): stat.st_size for stat in map(Path.stat, folder.rglob("*"))}
    return sum(found.values())
