"""Requests to one shard of an index, from this function or from another one."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from vectord.errors import RequestInvalid, VectordError
from vectord.lhv1 import params
from vectord.service.indexes import VectorIndex
from vectord.service.sharding.execute import as_single, execute
from vectord.service.sharding.failures import failed_result
from vectord.service.sharding.messages import SearchRequest, ShardRequest, ShardResult, staleness_of
from vectord.service.single.index import SingleIndex
from vectord.service.values.options import Deadline, ReadOptions
from vectord.service.values.results import Description


class RunOnIndex(Protocol):
    """Opens an index and returns the result of `use`, as `Service.run` does."""

    def __call__[R](
        self,
        name: str,
        deadline: Deadline,
        read: ReadOptions,
        use: Callable[[VectorIndex], R],
        *,
        for_search: bool = False,
        is_valid: Callable[[str], bool] = ...,
    ) -> R: ...


class ShardRequests(msgspec.Struct, frozen=True):
    """Runs requests on shards with `run`; `with_build` adds the build that is going on to a description."""

    run: RunOnIndex
    with_build: Callable[[Description, SingleIndex], Description]

    def answer(self, request: ShardRequest, deadline: Deadline) -> ShardResult:
        """Run a shard request; return an error of the request as a result.

        Raises:
            RequestInvalid: the request does not name a shard.
        """
        if not params.is_shard_name(request.shard):
            raise RequestInvalid(f"{request.shard!r} is not a shard")
        try:
            return self.run(
                request.shard,
                deadline,
                ReadOptions(staleness_of(request)),
                lambda shard: execute(request, as_single(shard), self.with_build),
                for_search=isinstance(request, SearchRequest),
                is_valid=params.is_shard_name,
            )
        except VectordError as error:
            return failed_result(error)

    def use[R](self, shard: str, deadline: Deadline, read: ReadOptions, use: Callable[[SingleIndex], R]) -> R:
        """Open one shard and return the result of `use`, as `Service.run` does for an index."""
        return self.run(shard, deadline, read, lambda index: use(as_single(index)), is_valid=params.is_shard_name)
