"""Which indexes there are, and what they are."""

from vectord.errors import RequestInvalid
from vectord.lhv1.params import Params
from vectord.service.dispatch import Family
from vectord.service.results import Description
from vectord.storage.base import ObjectPage, VersionPage


class Indexes(Family):
    """Reads of indexes as wholes."""

    def describe(self, name: str, until: float, as_of: str | None = None) -> Description:
        """Return what an index is, or was as of a version id, an ETag or a time (see `Versions.state_as_of`).

        Raises:
            VersionNotFound, RequestInvalid
        """
        core = self._core

        def in_shards(parent: Params) -> Description:
            if as_of is not None:
                raise RequestInvalid(f"index {name!r} is in {parent.shards} shards: as_of is for indexes of one object")
            return core.shards.describe(parent, until)

        return core.either(name, until, lambda: core.plain.describe(name, until, as_of), in_shards)

    def versions(self, name: str, limit: int, cursor: str | None, until: float) -> VersionPage:
        """Return the states of an index that the store still keeps, newest first, as `Versions.list` does."""
        return self._core.versions.list(name, limit, cursor, until)

    def list(self, prefix: str, limit: int, after: str | None, until: float) -> ObjectPage:
        """Return up to `limit` indexes whose names start with `prefix`, after the one named `after`."""
        core = self._core
        return core.retry_policy.run(core.environment, until, lambda: core.store.list(prefix, limit, after))
