"""Searches: which vectors are near."""

from functools import partial
from typing import Final

from vectord import index as ix
from vectord import params
from vectord.errors import RequestInvalid
from vectord.formats import Components
from vectord.service import batch
from vectord.service.core import Family
from vectord.service.plain import Ask
from vectord.service.results import Searched

MAX_K: Final = 10_000
LEAST_RECALL: Final = 0.5


class Searches(Family):
    """Searches of an index."""

    def search(
        self,
        name: str,
        vector: Components,
        k: int,
        until: float,
        *,
        recall: float = ix.DEFAULT_RECALL,
        ef_search: int = 0,
        vectors: bool = True,
        staleness: float | None = None,
    ) -> Searched:
        """Return the `k` nearest vectors, found as well as `recall` asks: 1 for the exact answer.

        A positive `ef_search` overrides `recall` by Annoy's own rule, so many candidates a tree. Without `vectors` the
        matches may lack theirs. `staleness` is how many seconds ago the state searched was the present one, at most.

        Raises:
            RequestInvalid: k or recall is out of range, or the vector does not fit the index.
        """
        core, ask = self._core, _checked(Ask(k, recall, ef_search, staleness))
        query_for = partial(batch.checked_query, vector)
        return core.either(
            name,
            until,
            lambda: core.plain.search(name, query_for, ask, until),
            lambda parent: core.shards.search(parent, query_for(parent), ask, until, vectors=vectors),
        )


def _checked(ask: Ask) -> Ask:
    if not 1 <= ask.k <= MAX_K:
        raise RequestInvalid(f"k must be 1 to {MAX_K:,}, not {ask.k:,}")
    if ask.ef_search > params.MAX_EF_SEARCH:
        raise RequestInvalid(f"ef_search must be at most {params.MAX_EF_SEARCH:,}, not {ask.ef_search:,}")
    if not LEAST_RECALL <= ask.recall <= 1:
        raise RequestInvalid(f"recall must be {LEAST_RECALL} to 1, not {ask.recall}")
    return ask
