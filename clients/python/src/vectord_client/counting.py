"""Counts of an index: of its vectors, and of the values that their metadata have."""

from collections.abc import Sequence

from vectord_client.session import Session
from vectord_client.sparse_values import SparseVector
from vectord_client.text_values import Words
from vectord_client.values import Facets
from vectord_client.wire import counts
from vectord_client.wire.encode import AsOf, Filter


class Countable:
    """What is counted: an index, or an earlier state of it."""

    _session: Session
    _name: str
    _as_of: AsOf | None

    def count(
        self,
        filter: Filter | None = None,
        *,
        words: Words | None = None,
        sparse: SparseVector | None = None,
        min_relevance: float | None = None,
        consistency: str | None = None,
        max_staleness: float | None = None,
    ) -> int:
        """Return the number of vectors, or of those that a filter, and a search for `words` or for `sparse`, find."""
        call = counts.count(
            self._name,
            filter=filter,
            words=words,
            sparse=sparse,
            min_relevance=min_relevance,
            consistency=consistency,
            max_staleness=max_staleness,
            as_of=self._as_of,
        )
        return self._session.run(call)

    def facets(
        self,
        paths: str | Sequence[str],
        *,
        filter: Filter | None = None,
        words: Words | None = None,
        sparse: SparseVector | None = None,
        min_relevance: float | None = None,
        limit: int | None = None,
        consistency: str | None = None,
        max_staleness: float | None = None,
    ) -> Facets:
        """Return the values at metadata paths with their counts, of the vectors that `count` counts."""
        call = counts.facets(
            self._name,
            paths,
            limit=limit,
            filter=filter,
            words=words,
            sparse=sparse,
            min_relevance=min_relevance,
            consistency=consistency,
            max_staleness=max_staleness,
            as_of=self._as_of,
        )
        return self._session.run(call)
