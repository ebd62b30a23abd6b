"""One method a use case. `until` is the moment on the world's clock when the caller stops waiting for it."""

from collections.abc import Callable, Container, Sequence
from functools import partial

from vectord import index as ix
from vectord import params
from vectord.errors import BlobError, IndexNotFound, PreconditionFailed, RequestInvalid
from vectord.formats import Components, Entry
from vectord.index import Sizes
from vectord.local import LocalFiles
from vectord.params import Params
from vectord.service import batch
from vectord.service.fan_out import Crew, Invoke, Remote, Threads
from vectord.service.parts import Outcome, Part, perform
from vectord.service.placing import check_parent
from vectord.service.plain import Ask, IsSharded, Plain
from vectord.service.reads import Reads
from vectord.service.rebuilds import Rebuilds
from vectord.service.results import Added, Deleted, Described, Searched, Stored
from vectord.service.shard_life import ShardLife
from vectord.service.shards import Shards
from vectord.service.warm import WarmIndexes
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
        invoke: Invoke | None = None,
        rebuilds: Rebuilds | None = None,
    ) -> None:
        """Take `invoke`, if there is one, to have other functions search and change shards."""
        self._store, self._patience = store, patience
        self._reads = Reads(
            store, WarmIndexes(store, files, warm_bytes, world), world, patience, sizes, rebuilds=rebuilds
        )
        self._plain = Plain(self._reads)
        crew = Crew(world)
        here = Threads(self.perform, crew)
        self._shards = Shards(self._reads, self._plain, here, Remote(here, invoke) if invoke else here)
        self._shard_life = ShardLife(self._reads, self._plain, crew)
        self.world = world

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
    ) -> Described:
        """Create an empty index; 0 or negative `m` and `ef_search` and empty `distance` take the defaults.

        Raises:
            RequestInvalid: a parameter is out of range.
        """
        new = params.new_params(name, dimension, m=m, ef_search=ef_search, distance=distance)
        if shards == 1:
            return self._plain.create(new, until)
        return self._shard_life.create(params.in_shards(new, shards, self.world.new_id()), until)

    def describe(self, name: str, until: float) -> Described:
        return self._either(
            name, until, lambda: self._plain.describe(name, until), lambda parent: self._shards.describe(parent, until)
        )

    def list(self, prefix: str, limit: int, after: str | None, until: float) -> Page:
        """Return up to `limit` indexes whose names start with `prefix`, after the one named `after`."""
        return self._patience.insist(self.world, until, lambda: self._store.list(prefix, limit, after))

    def delete_index(self, name: str, until: float, expected: Container[str] | None = None) -> None:
        """Delete an index, readable or not."""
        self._either(
            name,
            until,
            lambda: self._delete_plain(name, until, expected),
            lambda parent: self._shard_life.delete(_unconditional(parent, expected), until),
        )

    def add(self, name: str, entries: Sequence[Entry], until: float, expected: Container[str] | None = None) -> Added:
        """Add or replace a batch in one commit, or in one for each shard that it touches.

        Raises:
            BatchInvalid: some entries are bad; nothing was changed.
        """
        items_for = partial(batch.checked, entries)
        return self._either(
            name,
            until,
            lambda: self._plain.add(name, items_for, until, expected),
            lambda parent: self._shards.add(_unconditional(parent, expected), items_for(parent), until),
        )

    def delete_vectors(
        self, name: str, ids: Sequence[str], until: float, expected: Container[str] | None = None
    ) -> Deleted:
        """Delete the vectors of `ids` as `add` adds; ids that are not there count for nothing."""
        return self._either(
            name,
            until,
            lambda: self._plain.remove(name, ids, until, expected),
            lambda parent: self._shards.remove(_unconditional(parent, expected), ids, until),
        )

    def lookup(self, name: str, vector_id: str, until: float) -> Stored:
        """Return a copy of a stored vector and its metadata.

        Raises:
            VectorNotFound: the index holds no such id.
        """
        return self._either(
            name,
            until,
            lambda: self._plain.lookup(name, vector_id, until),
            lambda parent: self._shards.lookup(parent, vector_id, until),
        )

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
    ) -> Searched:
        """Return the `k` nearest vectors, found as well as `recall` asks: 1 for the exact answer.

        A positive `ef_search` overrides `recall` by Annoy's own rule, so many candidates a tree. Without `vectors` the
        matches may lack theirs.

        Raises:
            RequestInvalid: k or recall is out of range, or the vector does not fit the index.
        """
        ask = _checked(Ask(k, recall, ef_search))
        query_for = partial(batch.checked_query, vector)
        return self._either(
            name,
            until,
            lambda: self._plain.search(name, query_for, ask, until),
            lambda parent: self._shards.search(parent, query_for(parent), ask, until, vectors=vectors),
        )

    def perform(self, part: Part, until: float) -> Outcome:
        """Do one shard's part of a request, of this function or another.

        Raises:
            RequestInvalid: the part names no shard.
        """
        if not params.is_shard(part.shard):
            raise RequestInvalid(f"{part.shard!r} is no shard")
        return perform(part, self._plain, until)

    def _either[R](self, name: str, until: float, plain: Callable[[], R], in_shards: Callable[[Params], R]) -> R:
        """Go the way of one blob, and if that turns out to be a parent the other; start over if that one goes away."""
        if not params.is_name(name):
            raise IndexNotFound(name)

        def once() -> R:
            try:
                return plain()
            except IsSharded as found:
                parent = found.params
            except PreconditionFailed:
                known = self._parent(name, until)
                if known is None:
                    raise
                parent = known  # whose own ETag is no caller's to know
            check_parent(parent, name)
            return in_shards(parent)

        return self._patience.insist(self.world, until, once)

    def _delete_plain(self, name: str, until: float, expected: Container[str] | None) -> None:
        parent = self._parent(name, until)
        if parent and parent.name == name:
            raise IsSharded(parent)
        self._plain.delete(name, until, expected)

    def _parent(self, name: str, until: float) -> Params | None:
        """Return the parameters of index `name` if it is in shards, and can be read."""
        try:
            found = self._reads.state(name, until).index.params
        except BlobError:
            return None
        return found if found.shards else None


def _checked(ask: Ask) -> Ask:
    if not 1 <= ask.k <= MAX_K:
        raise RequestInvalid(f"k must be 1 to {MAX_K:,}, not {ask.k:,}")
    if ask.ef_search > params.MAX_EF_SEARCH:
        raise RequestInvalid(f"ef_search must be at most {params.MAX_EF_SEARCH:,}, not {ask.ef_search:,}")
    if not LEAST_RECALL <= ask.recall <= 1:
        raise RequestInvalid(f"recall must be {LEAST_RECALL} to 1, not {ask.recall}")
    return ask


def _unconditional(parent: Params, expected: Container[str] | None) -> Params:
    if expected is not None:
        raise RequestInvalid(
            f"Index {parent.name!r} takes no If-Match: each of its {parent.shards} shards has a version of its own"
        )
    return parent
