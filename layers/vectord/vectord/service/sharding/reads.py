"""The reads of an index in shards: each part goes to its shard, the answers are put together."""

from collections.abc import Sequence
from hashlib import blake2b

from vectord.errors import BlobCorrupt, IndexNotFound, ObjectChanged, VectordError
from vectord.index.kernels.distance import F32
from vectord.lhv1.params import Params
from vectord.service.query import Ask
from vectord.service.results import Description, SearchOutcome, Shard
from vectord.service.sharding.failures import Failed, error_of
from vectord.service.sharding.fan_out import FanOut, LocalFanOut
from vectord.service.sharding.messages import (
    DescribeRequest,
    DescribeResult,
    SearchRequest,
    SearchResult,
    ShardRequest,
    ShardResult,
    merged,
)
from vectord.service.sharding.placement import shard_names
from vectord.service.snapshots.reader import SnapshotReader


class ShardReads:
    """Each use case takes the parameters of the parent as its blob has them.

    Each may raise IndexNotFound, BlobError, StorageSilent, StoreRefused, and
        ObjectChanged: the index was deleted and created anew meanwhile; start over.
    """

    def __init__(self, reads: SnapshotReader, here: LocalFanOut, fan_out: FanOut) -> None:
        self._reads, self._here, self._fan_out = reads, here, fan_out

    def describe(self, parent: Params, until: float) -> Description:
        parts = [DescribeRequest(name) for name in shard_names(parent)]
        return described(
            parent, [one for one in self._all(parent, self._here, parts, until) if isinstance(one, DescribeResult)]
        )

    def search(self, parent: Params, queries: Sequence[F32], ask: Ask, until: float, *, vectors: bool) -> SearchOutcome:
        """Ask every shard for `k` matches; one that does not answer fails the search."""
        data = [query.astype("<f4").tobytes() for query in queries]
        parts = [SearchRequest(name, data, ask, vectors=vectors) for name in shard_names(parent)]
        found = [one for one in self._all(parent, self._fan_out, parts, until) if isinstance(one, SearchResult)]
        return SearchOutcome(
            merged(found, ask.k),
            etag_of(parent, [one.etag for one in found]),
            sum(one.read_bytes for one in found),
            sum(one.requests for one in found),
        )

    def all_of(self, parent: Params, parts: Sequence[ShardRequest], until: float) -> list[ShardResult]:
        """Return what became of each part; raise what the first that failed met."""
        return self._all(parent, self._fan_out, parts, until)

    def _all(self, parent: Params, fan_out: FanOut, parts: Sequence[ShardRequest], until: float) -> list[ShardResult]:
        outcomes = fan_out.run(parts, until)
        for error in self.failures(parent, parts, outcomes, until):
            raise error
        return outcomes

    def failures(
        self, parent: Params, parts: Sequence[ShardRequest], outcomes: Sequence[ShardResult], until: float
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


def missing(reads: SnapshotReader, parent: Params, shard: str, until: float) -> VectordError:
    """Return what a shard's absence means, or raise that the index is gone too: it is deleted before its shards."""
    present = reads.state(parent.name, until).index.params
    if present.generation != parent.generation:
        return ObjectChanged(parent.name)
    return BlobCorrupt("its object is missing, though the index is there", shard)


def described(parent: Params, shards: Sequence[DescribeResult | Description]) -> Description:
    """Return what an index is, of what its shards are."""
    return Description(
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
