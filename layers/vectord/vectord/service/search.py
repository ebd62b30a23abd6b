"""Searches: which vectors are near."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vectord.errors import RequestInvalid, VectorNotFound
from vectord.index.kernels.distance import F32
from vectord.index.query.query import DEFAULT_RECALL, LEAST_RECALL, MAX_K, MAX_QUERIES
from vectord.index.state import Index
from vectord.lhv1 import params
from vectord.lhv1.params import Params
from vectord.readers.entry import Components
from vectord.service import validation
from vectord.service.dispatch import Family
from vectord.service.query import Ask
from vectord.service.results import SearchOutcome, Warmed

if TYPE_CHECKING:
    from vectord.service.recall import Recalls


class Searches(Family):
    """Searches of an index."""

    def search(
        self,
        name: str,
        vector: Components,
        k: int,
        until: float,
        *,
        recall: float = DEFAULT_RECALL,
        ef_search: int = 0,
        vectors: bool = True,
        staleness: float | None = None,
    ) -> SearchOutcome:
        """Return the `k` vectors nearest to `vector`; the rest is as in `Ask` and `search_many`."""
        return self.search_many(name, [vector], Ask(k, recall, ef_search, staleness), until, vectors=vectors)

    def search_many(
        self, name: str, queries: Sequence[Components], ask: Ask, until: float, *, vectors: bool = True
    ) -> SearchOutcome:
        """Return what is nearest to each of `queries`, all of one state. Without `vectors` matches may lack theirs.

        Raises:
            RequestInvalid: what is asked is out of range, or a query does not fit the index.
        """

        def checked(index: Params) -> list[F32]:
            return [validation.checked_query(query, index) for query in queries]

        if not 1 <= len(queries) <= MAX_QUERIES:
            raise RequestInvalid(f"a search takes 1 to {MAX_QUERIES} queries, not {len(queries):,}")
        return self._search(name, _Source(lambda index: checked(index.params), checked), ask, until, vectors=vectors)

    def near(self, name: str, vector_id: str, ask: Ask, until: float, *, vectors: bool = True) -> SearchOutcome:
        """Return the stored vectors that are nearest to a stored one, itself left out.

        Raises:
            VectorNotFound: the index holds no such id.
            RequestInvalid: what is asked is out of range.
        """

        def stored(index: Index) -> list[F32]:
            held = index.find([vector_id])
            if not held:
                raise VectorNotFound(name, vector_id)
            return list(index.vectors_of(list(held.values())))

        def in_shards(parent: Params) -> list[F32]:
            return [self._core.shard_vectors.lookup(parent, vector_id, until, ask.staleness).vector]

        others = msgspec.structs.replace(ask, without=[vector_id])
        return self._search(name, _Source(stored, in_shards), others, until, vectors=vectors)

    def warm(self, name: str, until: float) -> Warmed:
        """Bring an index here whole, so that the next searches wait for no byte.

        Raises:
            RequestInvalid: it is in shards.
        """
        core = self._core

        def refused(parent: Params) -> Warmed:
            raise RequestInvalid(
                f"index {name!r} is in {parent.shards} shards, which are searched by functions of their own choosing: "
                "search it to warm them"
            )

        return core.either(name, until, lambda: core.plain.warm(name, until), refused)

    @cached_property
    def recalls(self) -> "Recalls":
        """What measures searches; few requests ask for that."""
        from vectord.service.recall import Recalls  # noqa: PLC0415

        return Recalls(self._core)

    def _search(self, name: str, queries: "_Source", ask: Ask, until: float, *, vectors: bool) -> SearchOutcome:
        core = self._core
        check_ask(ask)

        def over_shards(parent: Params) -> SearchOutcome:
            if ask.as_of is not None:
                raise RequestInvalid(f"index {name!r} is in {parent.shards} shards: as_of is for indexes of one object")
            ask.check_filter()
            return core.shards.search(parent, queries.of_parent(parent), ask, until, vectors=vectors)

        return core.either(name, until, lambda: core.plain.search(name, queries.here, ask, until), over_shards)


class _Source(NamedTuple):
    """Where queries come from: of the state that is searched, or beside shards."""

    here: Callable[[Index], list[F32]]
    of_parent: Callable[[Params], list[F32]]


def check_ask(ask: Ask) -> None:
    """Raise RequestInvalid if something that is asked is out of range."""
    if not 1 <= ask.k <= MAX_K:
        raise RequestInvalid(f"k must be 1 to {MAX_K:,}, not {ask.k:,}")
    if ask.ef_search > params.MAX_EF_SEARCH:
        raise RequestInvalid(f"ef_search must be at most {params.MAX_EF_SEARCH:,}, not {ask.ef_search:,}")
    if not LEAST_RECALL <= ask.recall <= 1:
        raise RequestInvalid(f"recall must be {LEAST_RECALL} to 1, not {ask.recall}")
    if ask.max_distance is not None and not ask.max_distance >= 0:
        raise RequestInvalid(f"max_distance must be at least 0, not {ask.max_distance}")
    if ask.as_of is not None and ask.staleness is not None:
        raise RequestInvalid("as_of names one state, which no consistency changes; leave one of them out")
