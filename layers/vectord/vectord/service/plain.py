"""The reads of one blob: an index, or one shard of one."""

from collections.abc import Callable

import msgspec

from vectord import index as ix
from vectord.errors import VectorNotFound
from vectord.index import Answer, Index
from vectord.index.distance import F32
from vectord.params import Params
from vectord.service.reads import Reads
from vectord.service.results import Described, Searched, Stored
from vectord.service.warm import Versioned


class Ask(msgspec.Struct, frozen=True):
    """How much a search wants: `k` matches, found as well as `recall` says, or with the effort `ef_search` if not 0.

    `staleness` is how many seconds old its state may be, None for the present one.
    """

    k: int
    recall: float = ix.DEFAULT_RECALL
    ef_search: int = 0
    staleness: float | None = None


class IsSharded(Exception):
    """The blob holds no rows but the parameters of a sharded index: another way leads to those."""

    def __init__(self, params: Params) -> None:
        super().__init__(params.name)
        self.params = params


class Plain:
    """Each use case may raise IsSharded, and what `Reads` does for the blob it names."""

    def __init__(self, reads: Reads) -> None:
        self._reads, self._meter = reads, reads.world.meter

    def describe(self, name: str, until: float) -> Described:
        state = self._reads.state(name, until)
        one_blob(state.index)
        return described(state)

    def lookup(self, name: str, vector_id: str, until: float, staleness: float | None = None) -> Stored:
        def look(index: Index) -> tuple[F32, msgspec.Raw | None]:
            held = one_blob(index).find([vector_id])
            if not held:
                raise VectorNotFound(name, vector_id)
            return index.vectors_of(list(held.values()))[0], index.metadata_of(held).get(vector_id)

        (vector, metadata), state = self._reads.using(name, until, look, staleness)
        return Stored(vector_id, vector, metadata, state.etag)

    def search(self, name: str, query_for: Callable[[Params], F32], ask: Ask, until: float) -> Searched:
        """Find the matches nearest to the query that `query_for` makes for an index of these parameters."""
        before = self._meter.value("ReadBytes"), self._meter.value("ReadRequests")

        def find(index: Index) -> Answer:
            query = query_for(one_blob(index).params)
            return ix.search(index, query, ask.k, ask.recall, ask.ef_search if ask.ef_search > 0 else None)

        answer, state = self._reads.using(name, until, find, ask.staleness)
        read = self._meter.value("ReadBytes") - before[0], self._meter.value("ReadRequests") - before[1]
        return Searched(answer, state.etag, int(read[0]), int(read[1]))


def one_blob(index: Index) -> Index:
    """Return `index` if it holds rows of its own; raise IsSharded if it does not."""
    if index.params.shards:
        raise IsSharded(index.params)
    return index


def described(state: Versioned) -> Described:
    index = state.index
    base = index.base
    return Described(
        index.params,
        len(index),
        index.size,
        base.graph.section.size if base else 0,
        base.curves if base else {},
        state.etag,
    )
