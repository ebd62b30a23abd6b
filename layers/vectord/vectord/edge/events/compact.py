"""Events of the compact function: compact the index that an event names, and log the outcome."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from vectord.edge import telemetry
from vectord.edge.handler import time_left
from vectord.edge.telemetry import Write
from vectord.service.maintenance.compaction import Compaction
from vectord.service.values.options import Deadline

_PRINCIPAL: Final = "vectord"  # a function of this deployment asked for the compaction

_OPERATION: Final = "compact-index"  # in the audit log

Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]


class _Event(msgspec.Struct, forbid_unknown_fields=True):
    index: str


def handler(compose: Callable[[], Compaction]) -> Handler:
    """Return the `lambda_handler` that compacts the index of `{"index": name}`.

    An error is raised, so that Lambda retries the event and finally sends it to the dead-letter queue.
    """

    def lambda_handler(event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        log, name = telemetry.begin(context), msgspec.convert(event, _Event).index
        compaction = compose()
        environment = compaction.environment
        start = environment.now()
        # A retry by Lambda has the same request id, so it takes over the lease of the attempt that failed.
        holder = getattr(context, "aws_request_id", None) or environment.new_id()
        deadline = Deadline(start + time_left(context))

        def report(phrase: str) -> None:
            log.info({"index": name, "message": f"compaction {phrase}"}, {})

        try:
            result = compaction.compact(name, holder, deadline, report)
        except Exception as error:  # of which Lambda's own line does not name the index
            write = Write(_PRINCIPAL, _OPERATION, environment.meter.commits)
            metrics = {"Latency": (environment.now() - start) * 1000, **environment.meter.drain()}
            log.failure(error, {"index": name, "outcome": "failed", "rows": None}, metrics, write)
            raise
        write = Write(_PRINCIPAL, _OPERATION, environment.meter.commits)
        metrics = {"Latency": (environment.now() - start) * 1000, "RowsBuilt": result.rows, **environment.meter.drain()}
        fields = {"index": name, "outcome": result.outcome, "rows": result.rows, "bytes": result.size}
        log.info(fields, metrics, write)
        return {"outcome": result.outcome, "rows": result.rows, "bytes": result.size}

    return lambda_handler
