"""One method a use case. `until` is the moment on the world's clock when the caller stops waiting for it."""

from collections.abc import Container, Sequence

import msgspec

from vectord import index as ix
from vectord import params
from vectord.errors import RequestInvalid, VectorNotFound
from vectord.formats import Components, Entry
from vectord.index import Answer, Index, Sizes
from vectord.index.distance import F32
from vectord.local import LocalFiles
from vectord.service import batch
from vectord.service.commits import Commits
from vectord.service.lifecycle import Lifecycle
from vectord.service.reads import Reads
from vectord.service.rebuilds import Rebuilds
from vectord.service.results import Added, Deleted, Described, Searched, Stored
from vectord.service.warm import Versioned, WarmIndexes
from vectord.service.world import Patience, World
from vectord.stores import Page, Store

MAX_K = 10_000
LEAST_RECALL = 0.5


class Service:
    """The use cases over one store. Each may raise what `Reads`, `Commits` or `Lifecycle` do for the index it names."""

    def __init__(
        self,
        store: Store,
        files: LocalFiles,
        *,
        warm_bytes: int,
        world: World,
        patience: Patience,
        sizes: Sizes | None = None,
        rebuilds: Rebuilds | None = None,
    ) -> None:
        self._store, self._patience = store, patience
        self._reads = Reads(store, WarmIndexes(store, files, warm_bytes, world), world, patience, sizes, rebuilds)
        self._commits, self._lifecycle = Commits(self._reads), Lifecycle(self._reads)
        self.world = world

    def create(
        self, name: str, dimension: int, *, m: int = 0, ef_search: int = 0, distance: str = "", until: float
    ) -> Described:
        """Create an empty index; 0 or negative `m` and `ef_search` and empty `distance` take the defaults.

        Raises:
            RequestInvalid: a parameter is out of range.
        """
        new = params.new_params(name, dimension, m=m, ef_search=ef_search, distance=distance)
        return _described(self._lifecycle.create(ix.create(new), until))

    def describe(self, name: str, until: float) -> Described:
        return _described(self._reads.state(name, until))

    def list(self, prefix: str, limit: int, after: str | None, until: float) -> Page:
        """Return up to `limit` indexes whose names start with `prefix`, after the one named `after`."""
        return self._patience.insist(self.world, until, lambda: self._store.list(prefix, limit, after))

    def delete_index(self, name: str, until: float, expected: Container[str] | None = None) -> None:
        self._lifecycle.delete(name, until, expected)

    def add(self, name: str, entries: Sequence[Entry], until: float, expected: Container[str] | None = None) -> Added:
        """Add or replace a batch in one commit.

        Raises:
            BatchInvalid: some entries are bad; nothing was changed.
        """

        def upsert(index: Index) -> tuple[Index, tuple[int, int, int]]:
            changed, added, replaced = ix.upsert(index, batch.checked(entries, index.params))
            return changed, (added, replaced, len(changed))

        done = self._commits.change(name, upsert, until, expected)
        return Added(*done.result, done.state.etag)

    def delete_vectors(
        self, name: str, ids: Sequence[str], until: float, expected: Container[str] | None = None
    ) -> Deleted:
        """Delete the vectors of `ids` in one commit; ids that are not there count for nothing."""

        def remove(index: Index) -> tuple[Index, tuple[int, int]]:
            changed, deleted = ix.remove(index, ids)
            return changed, (deleted, len(changed))

        done = self._commits.change(name, remove, until, expected)
        return Deleted(*done.result, done.state.etag)

    def lookup(self, name: str, vector_id: str, until: float) -> Stored:
        """Return a copy of a stored vector and its metadata.

        Raises:
            VectorNotFound: the index holds no such id.
        """

        def look(index: Index) -> tuple[F32, msgspec.Raw | None]:
            held = index.find([vector_id])
            if not held:
                raise VectorNotFound(name, vector_id)
            return index.vectors_of(list(held.values()))[0], index.metadata_of(held).get(vector_id)

        (vector, metadata), state = self._reads.using(name, until, look)
        return Stored(vector_id, vector, metadata, state.etag)

    def search(
        self,
        name: str,
        vector: Components,
        k: int,
        until: float,
        *,
        recall: float = ix.DEFAULT_RECALL,
        ef_search: int = 0,
    ) -> Searched:
        """Return the `k` nearest vectors, found as well as `recall` asks: 1 for the exact answer.

        A positive `ef_search` overrides `recall` by Annoy's own rule, so many candidates a tree.

        Raises:
            RequestInvalid: k or recall is out of range, or the vector does not fit the index.
        """
        if not 1 <= k <= MAX_K:
            raise RequestInvalid(f"k must be 1 to {MAX_K:,}, not {k:,}")
        if ef_search > params.MAX_EF_SEARCH:
            raise RequestInvalid(f"ef_search must be at most {params.MAX_EF_SEARCH:,}, not {ef_search:,}")
        if not LEAST_RECALL <= recall <= 1:
            raise RequestInvalid(f"recall must be {LEAST_RECALL} to 1, not {recall}")
        meter = self.world.meter
        before = meter.value("ReadBytes"), meter.value("ReadRequests")

        def find(index: Index) -> Answer:
            query = batch.checked_query(vector, index.params)
            return ix.search(index, query, k, recall, ef_search if ef_search > 0 else None)

        answer, state = self._reads.using(name, until, find)
        read = meter.value("ReadBytes") - before[0], meter.value("ReadRequests") - before[1]
        return Searched(answer, state.etag, int(read[0]), int(read[1]))


def _described(state: Versioned) -> Described:
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
