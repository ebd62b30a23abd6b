"""What is stored of single vectors."""

from vectord.service.core import Family
from vectord.service.results import Stored


class Vectors(Family):
    """Reads of vectors by what they are called."""

    def lookup(self, name: str, vector_id: str, until: float, staleness: float | None = None) -> Stored:
        """Return a copy of a stored vector and its metadata, of a state that was present `staleness` seconds ago.

        Raises:
            VectorNotFound: the index holds no such id.
        """
        core = self._core
        return core.either(
            name,
            until,
            lambda: core.plain.lookup(name, vector_id, until, staleness),
            lambda parent: core.shards.lookup(parent, vector_id, until, staleness),
        )
