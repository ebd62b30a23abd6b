"""What the benchmark asks of vectord and of each peer, in a process of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
K = 10


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer keeps its index: `name` in a bucket behind an endpoint; `folder` on disk; `threads` for building."""

    endpoint: str
    bucket: str
    name: str
    folder: Path
    threads: int = 1


class Peer(Protocol):
    """An index of unit vectors, rows numbered from 0. Its module's `make(place, kind)` returns it."""

    def build(self, rows: F32) -> int:
        """Build the index of `rows` in the folder; return its bytes."""
        ...

    def publish(self) -> None:
        """Put what was built into the bucket."""
        ...

    def warm(self) -> None:
        """Open what was built in the folder, for searches with no store."""
        ...

    def open(self) -> None:
        """Open what is in the bucket."""
        ...

    def search(self, query: F32, effort: Any) -> Sequence[int]:
        """Return the K nearest rows of what is open."""
        ...

    def prepare(self, vectors: F32, first: int) -> None:
        """Make a batch to add, as its caller would hold it: rows from number `first` on."""
        ...

    def add(self) -> None:
        """Add the batch to the index in the bucket; return when it is durable."""
        ...

    def refresh(self) -> None:
        """Bring what is open to the state in the bucket."""
        ...
