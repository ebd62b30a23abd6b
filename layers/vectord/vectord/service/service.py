"""One method a use case. `until` is the moment on the world's clock when the caller stops waiting for it."""

from collections.abc import Container, Sequence

from vectord import index as ix
from vectord import params
from vectord.errors import RequestInvalid, VectorNotFound
from vectord.formats import Components, Entry
from vectord.index import Index
from vectord.service import batch
from vectord.service.commits import Commits
from vectord.service.lifecycle import Lifecycle
from vectord.service.reads import Reads
from vectord.service.results import Added, Deleted, Described, Searched, Stored
from vectord.service.warm import Versioned, WarmIndexes
from vectord.service.world import Patience, World
from vectord.stores import Page, Store

MAX_K = 10_000


class Service:
    """The use cases over one store. Each may raise what `Reads`, `Commits` or `Lifecycle` do for the index it names."""

    def __init__(self, store: Store, *, warm_bytes: int, world: World, patience: Patience) -> None:
        self._store, self._patience = store, patience
        self._reads = Reads(store, WarmIndexes(store, warm_bytes, world), world, patience)
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
            rows, added, replaced = ix.upsert(index.rows, batch.checked(entries, index.params))
            return ix.with_rows(index, rows), (added, replaced, len(rows))

        done = self._commits.change(name, upsert, until, expected)
        return Added(*done.result, done.state.etag)

    def delete_vectors(
        self, name: str, ids: Sequence[str], until: float, expected: Container[str] | None = None
    ) -> Deleted:
        """Delete the vectors of `ids` in one commit; ids that are not there count for nothing."""

        def remove(index: Index) -> tuple[Index, tuple[int, int]]:
            rows, deleted = ix.remove(index.rows, ids)
            return (ix.with_rows(index, rows) if deleted else index), (deleted, len(rows))

        done = self._commits.change(name, remove, until, expected)
        return Deleted(*done.result, done.state.etag)

    def lookup(self, name: str, vector_id: str, until: float) -> Stored:
        """Return a copy of a stored vector and its metadata.

        Raises:
            VectorNotFound: the index holds no such id.
        """
        state = self._reads.state(name, until)
        rows = state.index.rows
        row = rows.row_of.get(vector_id)
        if row is None:
            raise VectorNotFound(name, vector_id)
        return Stored(vector_id, rows.vectors[row].copy(), rows.metadata.get(vector_id), state.etag)

    def search(self, name: str, vector: Components, k: int, until: float, ef_search: int = 0) -> Searched:
        """Return the `k` nearest vectors; 0 or negative `ef_search` takes the calibrated effort.

        Raises:
            RequestInvalid: k is out of range or the vector does not fit the index.
        """
        if not 1 <= k <= MAX_K:
            raise RequestInvalid(f"k must be 1 to {MAX_K:,}, not {k:,}")
        if ef_search > params.MAX_EF_SEARCH:
            raise RequestInvalid(f"ef_search must be at most {params.MAX_EF_SEARCH:,}, not {ef_search:,}")
        state = self._reads.state(name, until)
        query = batch.checked_query(vector, state.index.params)
        return Searched(ix.search(state.index, query, k, ef_search if ef_search > 0 else None), state.etag)


def _described(state: Versioned) -> Described:
    index = state.index
    graph_size = len(index.graph.buffer) if index.graph else 0
    return Described(index.params, len(index.rows), index.size, graph_size, index.curve, state.etag)
