"""The protocol that vectord and each peer implement to change an index in use."""

from collections.abc import Callable, Sequence
from typing import Protocol

from bench.peers.adapters.peer import F32

type Change = Callable[[], object]


class Changer(Protocol):
    """An index in a bucket. Its module has a function `make(location)`.

    Each method prepares a change in the form that a caller would have, and returns the call that makes it durable.
    """

    def create(self, dimension: int) -> Change:
        """Create an index without rows."""
        ...

    def add(self, vectors: F32, first: int) -> Change:
        """Add rows with numbers from `first` on."""
        ...

    def patch(self, rows: Sequence[int]) -> Change:
        """Change the metadata of rows."""
        ...

    def delete(self, rows: Sequence[int]) -> Change:
        """Delete rows."""
        ...

    def build(self) -> Change:
        """Build what a caller must build after a load; do nothing if the service does that."""
        ...
