"""Which indexes there are, and what they are."""

from vectord.service.core import Family
from vectord.service.results import Described
from vectord.stores import Page


class Indexes(Family):
    """Reads of indexes as wholes."""

    def describe(self, name: str, until: float) -> Described:
        core = self._core
        return core.either(
            name, until, lambda: core.plain.describe(name, until), lambda parent: core.shards.describe(parent, until)
        )

    def list(self, prefix: str, limit: int, after: str | None, until: float) -> Page:
        """Return up to `limit` indexes whose names start with `prefix`, after the one named `after`."""
        core = self._core
        return core.patience.insist(core.world, until, lambda: core.store.list(prefix, limit, after))
