"""Send one change to the shards that it reaches, and say what became of it as a whole."""

from collections.abc import Sequence

from vectord.errors import OutcomeUnknown, PartlyApplied, VectordError
from vectord.service.sharding.failures import Failed
from vectord.service.sharding.fan_out import FanOut
from vectord.service.sharding.messages import AddRequest, ChangeRequest, ChangeResult, ShardResult
from vectord.service.values.options import Deadline


def send_changes(fan_out: FanOut, requests: Sequence[ChangeRequest], deadline: Deadline) -> Sequence[ShardResult]:
    """Return the results of the requests that were sent; with a key, none are sent after a failure of the first.

    The first request with a key is that of the key's home shard. Before anything is changed, this shard refuses a key
    that was used for another request, and one of two requests that race with one key.
    """
    first = 1 if requests and requests[0].key else 0
    results = fan_out.run(requests[:first], deadline)
    if any(isinstance(result, Failed) for result in results):
        return results
    return [*results, *fan_out.run(requests[first:], deadline)]


def failure_of(
    name: str, requests: Sequence[ChangeRequest], results: Sequence[ShardResult], errors: Sequence[VectordError]
) -> VectordError:
    """Return the error of a change of index `name` that failed in some shards.

    It is the first of `errors` if certainly no item was applied, and else PartlyApplied. Requests without a result were
    not sent.
    """
    sizes = list(map(_item_count, requests))
    applied = sum(size for one, size in zip(results, sizes, strict=False) if isinstance(one, ChangeResult))
    unknown = sum(size for one, size in zip(results, sizes, strict=False) if _is_unknown(one))
    if not applied and not unknown:
        return errors[0]
    missed = sum(sizes) - applied - unknown
    return PartlyApplied(name, applied=applied, missed=missed, unknown=unknown, reason=str(errors[0]))


def _item_count(request: ChangeRequest) -> int:
    """Return the number of different ids in a request, whose selection has none twice; a filter counts as one."""
    if isinstance(request, AddRequest):
        return len({item.id for item in request.items})
    return 1 if request.selection.ids is None else len(request.selection.ids)


def _is_unknown(result: ShardResult) -> bool:
    return isinstance(result, Failed) and result.error == OutcomeUnknown.__name__
