"""Take a shard's part of a request from another function of this deployment, beside requests of the API."""

from collections.abc import Callable
from functools import cache
from typing import Any, Final, Protocol

import msgspec

from vectord.edge import telemetry
from vectord.edge.handler import Handler, HasWorld, sent, time_left
from vectord.edge.request import Event
from vectord.errors import AnswerTooLarge
from vectord.service.sharding.failures import failed
from vectord.service.sharding.fan_out import received
from vectord.service.sharding.messages import ShardRequest, ShardResult

MAX_OUTCOME: Final = 6_291_456  # bytes; Lambda's 6 MB for a synchronous answer


class Performs(HasWorld, Protocol):
    """Use cases that do parts."""

    def perform(self, part: ShardRequest, until: float) -> ShardResult:
        """Do one shard's part of a request."""


PartHandler = Callable[[Event, object], Any]


def handler(outside: Handler, compose: Callable[[], Performs]) -> PartHandler:
    """Return the `lambda_handler` of a function that does parts too; what is no part goes to `outside`.

    A part is an event of two keys that no event of an API has. An API makes the event itself, and puts whatever its
    caller sends below keys of its own, so that parts come only from who may invoke the function by IAM.
    """
    composed = cache(compose)

    def lambda_handler(event: Event, context: object = None) -> Any:
        message = received(event)
        return outside(event, context) if message is None else _answer(*message, composed(), context)

    return lambda_handler


def _answer(part: ShardRequest, seconds: float, service: Performs, context: object) -> str:
    log, start = telemetry.begin(context), service.environment.now()
    outcome = service.perform(part, start + min(seconds, time_left(context)))
    text = _encoded(outcome)
    metrics = {"Latency": (service.environment.now() - start) * 1000, **service.environment.meter.drain()}
    log.info({"shard": part.shard, "outcome": type(outcome).__name__}, metrics)
    return text


def _encoded(outcome: ShardResult) -> str:
    data = msgspec.json.encode(outcome)
    if sent(data) > MAX_OUTCOME:
        error = AnswerTooLarge("A shard's answer would be more than 6 MB. Ask for a smaller k, or leave 'vector' out.")
        data = msgspec.json.encode(failed(error))
    return data.decode()
