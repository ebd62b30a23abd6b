"""How indexes begin and end, in one blob or in shards."""

from collections.abc import Container

from vectord.errors import IndexExists, IndexNotFound, PreconditionFailed
from vectord.lhv1 import params
from vectord.service.dispatch import unconditional
from vectord.service.results import NOTHING, Description
from vectord.service.single.reads import IsSharded
from vectord.service.write_dispatch import Writer


class Lifetimes(Writer):
    """Creation and deletion of indexes."""

    def create(
        self,
        name: str,
        dimension: int,
        *,
        m: int = 0,
        ef_search: int = 0,
        distance: str = "",
        shards: int = 1,
        until: float,
        expected: Container[str] | None = None,
    ) -> Description:
        """Create an empty index; 0 or negative `m` and `ef_search` and empty `distance` take the defaults.

        `expected` holds the ETags that the caller allows as the state before, NOTHING for no index; None for any.

        Raises:
            RequestInvalid: a parameter is out of range.
            PreconditionFailed: what is there, or that nothing is, is not allowed.
        """
        new = params.new_params(name, dimension, m=m, ef_search=ef_search, distance=distance)
        self._check(name, until, expected)
        try:
            if shards == 1:
                return self._writing.plain.create(new, until)
            return self._writing.shard_life.create(params.with_shards(new, shards, self.environment.new_id()), until)
        except IndexExists:
            self._check(name, until, expected)
            raise

    def delete_index(self, name: str, until: float, expected: Container[str] | None = None) -> None:
        """Delete an index, readable or not."""
        self._core.either(
            name,
            until,
            lambda: self._delete_plain(name, until, expected),
            lambda parent: self._writing.shard_life.delete(unconditional(parent, expected), until),
        )

    def _check(self, name: str, until: float, expected: Container[str] | None) -> None:
        if expected is None:
            return
        try:
            etag = self._core.reads.etag(name, until)
        except IndexNotFound:
            etag = NOTHING
        if etag not in expected:
            raise PreconditionFailed(name)

    def _delete_plain(self, name: str, until: float, expected: Container[str] | None) -> None:
        parent = self._core.parent(name, until)
        if parent and parent.name == name:
            raise IsSharded(parent)
        self._writing.plain.delete(name, until, expected)
