"""The use cases over an index in shards: each part goes to its shard, the answers are put together.

A part is atomic, a batch of several is not: docs/sharding.md says what callers may rely on.
"""

from collections.abc import Sequence
from hashlib import blake2b

from vectord.errors import (
    BlobCorrupt,
    IndexNotFound,
    ObjectMoved,
    OutcomeUnknown,
    PartlyApplied,
    VectordError,
    VectorNotFound,
)
from vectord.index import Item
from vectord.index.distance import F32
from vectord.params import Params
from vectord.service.fan_out import FanOut, Threads
from vectord.service.parts import (
    AddPart,
    Changed,
    DescribePart,
    Failed,
    Found,
    Outcome,
    Part,
    RemovePart,
    SearchPart,
    Seen,
    error_of,
    merged,
    row_of,
)
from vectord.service.placing import by_shard, shard_name, shard_names, shard_of
from vectord.service.plain import Ask, Plain
from vectord.service.reads import Reads
from vectord.service.results import Added, Deleted, Described, Searched, Shard, Stored


class Shards:
    """Each use case takes the parameters of the parent as its blob has them.

    Each may raise IndexNotFound, BlobError, StorageSilent, StoreRefused, and
        ObjectMoved: the index was deleted and created anew meanwhile; start over.
    """

    def __init__(self, reads: Reads, plain: Plain, here: Threads, fan_out: FanOut) -> None:
        self._reads, self._plain, self._here, self._fan_out = reads, plain, here, fan_out

    def describe(self, parent: Params, until: float) -> Described:
        parts = [DescribePart(name) for name in shard_names(parent)]
        return described(parent, [one for one in self._all(parent, self._here, parts, until) if isinstance(one, Seen)])

    def search(self, parent: Params, query: F32, ask: Ask, until: float, *, vectors: bool) -> Searched:
        """Ask every shard for `k` matches; one that does not answer fails the search."""
        data = query.astype("<f4").tobytes()
        parts = [
            SearchPart(name, data, ask.k, ask.recall, ask.ef_search, vectors=vectors) for name in shard_names(parent)
        ]
        found = [one for one in self._all(parent, self._fan_out, parts, until) if isinstance(one, Found)]
        return Searched(
            merged(found, ask.k),
            _etag(parent, [one.etag for one in found]),
            sum(one.read_bytes for one in found),
            sum(one.requests for one in found),
        )

    def lookup(self, parent: Params, vector_id: str, until: float) -> Stored:
        shard = shard_name(parent, shard_of(vector_id, parent.shards or 1))
        try:
            found = self._plain.lookup(shard, vector_id, until)
        except VectorNotFound as error:
            raise VectorNotFound(parent.name, vector_id) from error
        except IndexNotFound:
            raise missing(self._reads, parent, shard, until) from None
        return Stored(found.id, found.vector, found.metadata, None)

    def add(self, parent: Params, items: Sequence[Item], until: float) -> Added:
        """Add or replace checked items, one commit a shard.

        Raises:
            PartlyApplied, Contended, OutcomeUnknown
        """
        parts = [AddPart(name, list(map(row_of, some))) for name, some in by_shard(parent, items, id_of).items()]
        done = self._changed(parent, parts, [len(part.rows) for part in parts], until)
        replaced = sum(one.replaced for one in done)
        return Added(sum(one.rows for one in done), replaced)

    def remove(self, parent: Params, ids: Sequence[str], until: float) -> Deleted:
        """Remove ids, one commit a shard.

        Raises:
            PartlyApplied, Contended, OutcomeUnknown
        """
        parts = [RemovePart(name, some) for name, some in by_shard(parent, ids, str).items()]
        return Deleted(sum(one.rows for one in self._changed(parent, parts, [len(p.ids) for p in parts], until)))

    def _changed(self, parent: Params, parts: Sequence[Part], sizes: Sequence[int], until: float) -> list[Changed]:
        outcomes = self._fan_out.run(parts, until)
        failures = self._failures(parent, parts, outcomes, until)
        done = [one for one in outcomes if isinstance(one, Changed)]
        if not failures:
            return done
        unknown = _size(outcomes, sizes, OutcomeUnknown.__name__)
        applied = sum(size for one, size in zip(outcomes, sizes, strict=True) if isinstance(one, Changed))
        if not applied and not unknown:
            raise failures[0]
        missed = sum(sizes) - applied - unknown
        raise PartlyApplied(parent.name, applied=applied, missed=missed, unknown=unknown, why=str(failures[0]))

    def _all(self, parent: Params, fan_out: FanOut, parts: Sequence[Part], until: float) -> list[Outcome]:
        outcomes = fan_out.run(parts, until)
        for error in self._failures(parent, parts, outcomes, until):
            raise error
        return outcomes

    def _failures(
        self, parent: Params, parts: Sequence[Part], outcomes: Sequence[Outcome], until: float
    ) -> list[VectordError]:
        """Return the errors of parts that failed; raise what a missing shard means, which goes before all others."""
        failures = []
        for part, outcome in zip(parts, outcomes, strict=True):
            if isinstance(outcome, Failed):
                error = error_of(outcome, part.shard, parent.name)
                if isinstance(error, IndexNotFound):
                    raise missing(self._reads, parent, part.shard, until)
                failures.append(error)
        return failures


def missing(reads: Reads, parent: Params, shard: str, until: float) -> VectordError:
    """Return what a shard's absence means, or raise that the index is gone too: it is deleted before its shards."""
    present = reads.state(parent.name, until).index.params
    if present.generation != parent.generation:
        return ObjectMoved(parent.name)
    return BlobCorrupt("its object is missing, though the index is there", shard)


def described(parent: Params, shards: Sequence[Seen | Described]) -> Described:
    """Return what an index is, of what its shards are."""
    return Described(
        parent,
        sum(one.count for one in shards),
        sum(one.size for one in shards),
        sum(one.graph_size for one in shards),
        {},
        _etag(parent, [one.etag for one in shards]),
        tuple(Shard(one.count, one.size, one.etag) for one in shards),
    )


def id_of(item: Item) -> str:
    return item.id


def _size(outcomes: Sequence[Outcome], sizes: Sequence[int], error: str) -> int:
    return sum(
        size for one, size in zip(outcomes, sizes, strict=True) if isinstance(one, Failed) and one.error == error
    )


def _etag(parent: Params, etags: Sequence[str]) -> str:
    """Return the ETag of a state of the whole: a hash over its shards' in their order."""
    text = "\n".join((str(parent.generation), *etags))
    return f'"{blake2b(text.encode(), digest_size=16).hexdigest()}"'
