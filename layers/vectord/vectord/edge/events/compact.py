"""Read what the compact function is invoked with, and log what became of it."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from vectord.edge import telemetry
from vectord.edge.handler import time_left
from vectord.service.maintenance.compaction import Compaction

Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]


class _Event(msgspec.Struct, forbid_unknown_fields=True):
    index: str


def handler(compose: Callable[[], Compaction]) -> Handler:
    """Return the `lambda_handler` that compacts the index of `{"index": name}`.

    What fails is raised, so that Lambda repeats it and in the end sets it aside.
    """

    def lambda_handler(event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        log, name = telemetry.begin(context), msgspec.convert(event, _Event).index
        compaction = compose()
        environment = compaction.environment
        start = environment.now()
        # Lambda repeats a request under its id once it failed.
        holder = getattr(context, "aws_request_id", None) or environment.new_id()
        done = compaction.compact(name, holder, start + time_left(context))
        metrics = {"Latency": (environment.now() - start) * 1000, "RowsBuilt": done.rows, **environment.meter.drain()}
        log.info({"index": name, "outcome": done.outcome, "bytes": done.size}, metrics)
        return {"outcome": done.outcome, "rows": done.rows, "bytes": done.size}

    return lambda_handler
