"""The reads of an index in shards: each part goes to its shard, the answers are put together."""

from collections.abc import Sequence
from hashlib import blake2b

from vectord.errors import (
    BlobCorrupt,
    IndexNotFound,
    ObjectMoved,
    VectordError,
)
from vectord.index.distance import F32
from vectord.params import Params
from vectord.service.asks import Ask
from vectord.service.failures import Failed, error_of
from vectord.service.fan_out import FanOut, Threads
from vectord.service.parts import (
    DescribePart,
    Found,
    Outcome,
    Part,
    SearchPart,
    Seen,
    merged,
)
from vectord.service.placing import shard_names
from vectord.service.reads import Reads
from vectord.service.results import Described, Searched, Shard


class Shards:
    """Each use case takes the parameters of the parent as its blob has them.

    Each may raise IndexNotFound, BlobError, StorageSilent, StoreRefused, and
        ObjectMoved: the index was deleted and created anew meanwhile; start over.
    """

    def __init__(self, reads: Reads, here: Threads, fan_out: FanOut) -> None:
        self._reads, self._here, self._fan_out = reads, here, fan_out

    def describe(self, parent: Params, until: float) -> Described:
        parts = [DescribePart(name) for name in shard_names(parent)]
        return described(parent, [one for one in self._all(parent, self._here, parts, until) if isinstance(one, Seen)])

    def search(self, parent: Params, queries: Sequence[F32], ask: Ask, until: float, *, vectors: bool) -> Searched:
        """Ask every shard for `k` matches; one that does not answer fails the search."""
        data = [query.astype("<f4").tobytes() for query in queries]
        parts = [SearchPart(name, data, ask, vectors=vectors) for name in shard_names(parent)]
        found = [one for one in self._all(parent, self._fan_out, parts, until) if isinstance(one, Found)]
        return Searched(
            merged(found, ask.k),
            etag_of(parent, [one.etag for one in found]),
            sum(one.read_bytes for one in found),
            sum(one.requests for one in found),
        )

    def all_of(self, parent: Params, parts: Sequence[Part], until: float) -> list[Outcome]:
        """Return what became of each part; raise what the first that failed met."""
        return self._all(parent, self._fan_out, parts, until)

    def _all(self, parent: Params, fan_out: FanOut, parts: Sequence[Part], until: float) -> list[Outcome]:
        outcomes = fan_out.run(parts, until)
        for error in self.failures(parent, parts, outcomes, until):
            raise error
        return outcomes

    def failures(
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
        etag_of(parent, [one.etag for one in shards]),
        tuple(Shard(one.count, one.size, one.etag) for one in shards),
    )


def etag_of(parent: Params, etags: Sequence[str]) -> str:
    """Return the ETag of a state of the whole: a hash over its shards' in their order."""
    text = "\n".join((str(parent.generation), *etags))
    return f'"{blake2b(text.encode(), digest_size=16).hexdigest()}"'
