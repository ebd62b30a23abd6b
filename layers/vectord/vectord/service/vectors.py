"""Reads of vectors by what they are called or what their metadata says."""

from collections.abc import Container, Sequence
from typing import Final

from vectord.errors import PreconditionFailed, RequestInvalid
from vectord.service.dispatch import Family, unconditional
from vectord.service.results import Counted, Deleted, GetResult, ListPage, Stored
from vectord.service.selection import Selection, tree_of
from vectord.service.single.vector_reads import ListQuery

MAX_IDS: Final = 1_000
MAX_PAGE: Final = 1_000


class Vectors(Family):
    """Each answers of a state that was the present one `staleness` seconds ago at most; None for the present one.

    Filters are JSON text.
    """

    def lookup(self, name: str, vector_id: str, until: float, staleness: float | None = None) -> Stored:
        """Return a copy of a stored vector and its metadata.

        Raises:
            VectorNotFound: the index holds no such id.
        """
        core = self._core
        return core.either(
            name,
            until,
            lambda: core.vectors.lookup(name, vector_id, until, staleness),
            lambda parent: core.shard_vectors.lookup(parent, vector_id, until, staleness),
        )

    def get(self, name: str, ids: Sequence[str], until: float, staleness: float | None = None) -> GetResult:
        """Return copies of the vectors of `ids`, and which of those are not there.

        Raises:
            RequestInvalid: there are more than MAX_IDS.
        """
        if len(ids) > MAX_IDS:
            raise RequestInvalid(f"ids must be at most {MAX_IDS:,} at a time, not {len(ids):,}")
        core = self._core
        return core.either(
            name,
            until,
            lambda: core.vectors.get(name, ids, until, staleness),
            lambda parent: core.shard_vectors.get(parent, ids, until, staleness),
        )

    def page(
        self, name: str, wanted: ListQuery, until: float, *, shard: int = 0, staleness: float | None = None
    ) -> ListPage:
        """List vectors in an order that no change of others alters, from shard `shard` on where there are some.

        Raises:
            RequestInvalid, FilterInvalid: the limit is not 1 to MAX_PAGE; the filter is none.
        """
        if not 1 <= wanted.limit <= MAX_PAGE:
            raise RequestInvalid(f"limit must be 1 to {MAX_PAGE:,}, not {wanted.limit:,}")
        tree_of(wanted.filter)
        core = self._core
        return core.either(
            name,
            until,
            lambda: core.vectors.page(name, wanted, until, staleness),
            lambda parent: core.shard_vectors.page(parent, wanted, shard, until, staleness),
        )

    def would_delete(
        self, name: str, which: Selection, until: float, expected: Container[str] | None = None
    ) -> Deleted:
        """Count what a deletion would delete, and what it would leave; nothing is changed.

        Raises:
            FilterInvalid: the filter is none.
            PreconditionFailed: the index is at none of the ETags `expected`.
        """
        tree_of(which.filter)
        core = self._core
        found = core.either(
            name,
            until,
            lambda: core.vectors.would_remove(name, which, until),
            lambda parent: core.shard_vectors.would_remove(unconditional(parent, expected), which, until),
        )
        if expected is not None and found.etag not in expected:
            raise PreconditionFailed(name)
        return found

    def count(self, name: str, filter_text: str | None, until: float, staleness: float | None = None) -> Counted:
        """Count the vectors that satisfy a filter, all of them where there is none.

        Raises:
            FilterInvalid: it is none.
        """
        tree_of(filter_text)
        core = self._core
        return core.either(
            name,
            until,
            lambda: core.vectors.count(name, filter_text, until, staleness),
            lambda parent: core.shard_vectors.count(parent, filter_text, until, staleness),
        )
