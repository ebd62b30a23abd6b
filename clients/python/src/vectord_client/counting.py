"""Counts of an index: of its vectors, and of the values that their metadata have."""

from collections.abc import Sequence

from vectord_client.session import Session
from vectord_client.text_values import Words
from vectord_client.values import Facets
from vectord_client.wire import counts
from vectord_client.wire.encode import Filter


class Countable:
    """What is counted: an index."""

    _session: Session
    _name: str

    def count(
        self,
        filter: Filter | None = None,
        *,
        words: Words | None = None,
        min_relevance: float | None = None,
        consistency: str | None = None,
        max_staleness: float | None = None,
    ) -> int:
        """Return the number of vectors, or of those that satisfy a filter and that a search for `words` finds."""
        options = {"min_relevance": min_relevance, "consistency": consistency, "max_staleness": max_staleness}
        return self._session.run(counts.count(self._name, filter, words, **options))

    def facets(
        self,
        paths: str | Sequence[str],
        *,
        filter: Filter | None = None,
        words: Words | None = None,
        min_relevance: float | None = None,
        limit: int | None = None,
        consistency: str | None = None,
        max_staleness: float | None = None,
    ) -> Facets:
        """Return the values at metadata paths with their counts, of vectors that a filter and `words` find."""
        members = {"filter": filter, "min_relevance": min_relevance, "limit": limit}
        read = {"consistency": consistency, "max_staleness": max_staleness}
        return self._session.run(counts.facets(self._name, paths, words, **members, **read))
