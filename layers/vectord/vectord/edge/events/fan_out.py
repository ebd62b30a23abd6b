"""Shard requests from other functions of this deployment."""

from collections.abc import Callable
from functools import cache

from msgspec import structs

from vectord.edge import telemetry
from vectord.edge.handler import MAX_ANSWER, count_that_fits, response_size, time_left
from vectord.edge.request import Event
from vectord.errors import AnswerTooLarge, RequestInvalid
from vectord.index.query.query import Result
from vectord.service.service import Service
from vectord.service.sharding import messages
from vectord.service.sharding.failures import failed_result
from vectord.service.sharding.fan_out import decode_message
from vectord.service.sharding.messages import (
    ChangeRequest,
    ChangeResult,
    SearchRequest,
    ShardRequest,
    ShardResult,
)
from vectord.service.values.options import Deadline


def handler(compose: Callable[[], Service], *, read_only: bool = False) -> Callable[[Event, object], str]:
    """Return a handler that runs the shard request in a message and returns the result as JSON text.

    Raises, when called:
        RequestInvalid: the request does not name a shard, or it is a change and the function is `read_only`.
    """
    cached_service = cache(compose)

    def handle(event: Event, context: object) -> str:
        request, seconds = decode_message(event)
        if read_only and isinstance(request, ChangeRequest):
            raise RequestInvalid("this function is read-only")
        return _run(request, seconds, cached_service(), context)

    return handle


def _run(request: ShardRequest, seconds: float, service: Service, context: object) -> str:
    log, start = telemetry.begin(context), service.environment.now()
    service.environment.meter.drain()  # the counts of a request that raised
    result = service.shard_requests.answer(request, Deadline(start + min(seconds, time_left(context))))
    if isinstance(result, ChangeResult):
        result = structs.replace(result, commits=service.environment.meter.commits)
    text = _encode_result(result, paged=isinstance(request, SearchRequest) and request.query.paged)
    metrics = {"Latency": (service.environment.now() - start) * 1000, **service.environment.meter.drain()}
    log.info({"shard": request.shard, "outcome": type(result).__name__}, metrics)
    return text


def _encode_result(result: ShardResult, *, paged: bool) -> str:
    data = messages.encode(result)
    if paged and isinstance(result, Result) and response_size(data) > MAX_ANSWER:
        data = messages.encode(_cut(result))
    if response_size(data) > MAX_ANSWER:
        error = AnswerTooLarge(
            "A shard's answer would be more than 6 MB. Ask for a smaller k or limit, or for fewer ids, "
            "or leave 'vector' out of 'include'."
        )
        data = messages.encode(failed_result(error))
    return data.decode()


def _cut(result: Result) -> Result:
    """Return a result of a query with one vector with as many matches as fit into a message."""
    answer = structs.replace(result.answer, more=True)
    rest = structs.replace(result, answers=[structs.replace(answer, matches=[])])
    count = count_that_fits(answer.matches, messages.encode(rest), messages.encode) or 1  # one that does not fit
    return structs.replace(result, answers=[structs.replace(answer, matches=answer.matches[:count])])
