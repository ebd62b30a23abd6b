"""Counts of an index, for coroutines: of its vectors, and of the values that their metadata have."""

from collections.abc import Sequence

from vectord_client.async_session import AsyncSession
from vectord_client.sparse_values import SparseVector
from vectord_client.text_values import Words
from vectord_client.values import Facets
from vectord_client.wire import counts
from vectord_client.wire.encode import AsOf, Filter


class AsyncCountable:
    """What is counted: an index, or an earlier state of it."""

    _session: AsyncSession
    _name: str
    _as_of: AsOf | None

    async def count(
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
        return await self._session.run(call)

    async def facets(
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
        return await self._session.run(call)
