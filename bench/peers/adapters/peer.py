"""The protocol that vectord and each peer implement; every measured process uses one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

type F32 = npt.NDArray[np.float32]
K = 10


@dataclass(frozen=True, slots=True)
class Location:
    """Where a peer stores its index: `name` in a bucket behind an endpoint, `folder` on disk; `threads` for a build."""

    endpoint: str
    bucket: str
    name: str
    folder: Path
    threads: int = 1


class Peer(Protocol):
    """An index of unit vectors with rows numbered from 0. Its module has a function `make(location, kind)`."""

    def build(self, rows: F32) -> int:
        """Build the index of `rows` in the folder; return its size in bytes."""
        ...

    def publish(self) -> None:
        """Upload the built index to the bucket."""
        ...

    def warm(self) -> None:
        """Open the built index in the folder, for searches without storage."""
        ...

    def open(self) -> None:
        """Open the index in the bucket."""
        ...

    def search(self, query: F32, effort: Any) -> Sequence[int]:
        """Return the K nearest rows of the open index."""
        ...

    def prepare(self, vectors: F32, first: int) -> None:
        """Prepare a batch to add in the form that a caller would have: rows from number `first` on."""
        ...

    def add(self) -> None:
        """Add the batch to the index in the bucket and return when it is durable."""
        ...

    def refresh(self) -> None:
        """Update the open index to the state in the bucket."""
        ...
