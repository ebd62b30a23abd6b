"""Events of the compact function: compact an index and thin its versions, or thin those of all; log the outcome.

| event             | sent by                                                       |
|-------------------|---------------------------------------------------------------|
| `{"index": name}` | a function whose change made a build of that index due        |
| `{"thin": "all"}` | the schedule of the stack                                     |
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec

from vectord.edge import telemetry
from vectord.edge.handler import time_left
from vectord.edge.telemetry import InvocationLog, Write
from vectord.errors import StoreError, Unavailable
from vectord.service.maintenance.compaction import Compaction
from vectord.service.maintenance.thinning import Thinned, Thinning
from vectord.service.values.environment import Environment
from vectord.service.values.options import Deadline

_PRINCIPAL: Final = "vectord"  # a function of this deployment asked for the compaction
_OPERATION: Final = "compact-index"  # in the audit log

Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]


class _Compact(msgspec.Struct, forbid_unknown_fields=True):
    index: str


class _Thin(msgspec.Struct, forbid_unknown_fields=True):
    thin: Literal["all"]


def handler(compose: Callable[[], Compaction], compose_thinning: Callable[[], Thinning] | None = None) -> Handler:
    """Return the `lambda_handler` for both events; without `compose_thinning` it thins nothing.

    An error is raised, so that Lambda retries the event and finally sends it to the dead-letter queue. Only an error of
    the thinning after a compaction is not: the schedule thins again.
    """

    def lambda_handler(event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        log = telemetry.begin(context)
        thinning = compose_thinning() if compose_thinning else None
        if "thin" in event:
            msgspec.convert(event, _Thin)
            return _thin_all(thinning, log, context)
        name = msgspec.convert(event, _Compact).index
        answer = _compact(name, compose(), log, context)
        if thinning is not None:
            _thin(name, thinning, log, context)
        return answer

    return lambda_handler


def _compact(name: str, compaction: Compaction, log: InvocationLog, context: object) -> dict[str, Any]:
    environment = compaction.environment
    start = environment.now()
    # A retry by Lambda has the same request id, so it takes over the lease of the attempt that failed.
    holder = getattr(context, "aws_request_id", None) or environment.new_id()

    def report(phrase: str) -> None:
        log.info({"index": name, "message": f"compaction {phrase}"}, {})

    try:
        result = compaction.compact(name, holder, Deadline(start + time_left(context)), report)
    except Exception as error:  # of which Lambda's own line does not name the index
        write = Write(_PRINCIPAL, _OPERATION, environment.meter.commits)
        fields = {"index": name, "outcome": "failed", "rows": None}
        log.failure(error, fields, _metrics(environment, start), write)
        raise
    write = Write(_PRINCIPAL, _OPERATION, environment.meter.commits)
    metrics = {"RowsBuilt": result.rows, **_metrics(environment, start)}
    answer = {"outcome": result.outcome, "rows": result.rows, "bytes": result.size}
    log.info({"index": name, **answer}, metrics, write)
    return answer


def _thin(name: str, thinning: Thinning, log: InvocationLog, context: object) -> None:
    """Thin the versions of an index that was compacted; log an error, and leave the rest to the schedule."""
    environment = thinning.environment
    start = environment.now()
    try:
        done = thinning.thin(name, Deadline(start + time_left(context)))
    except (Unavailable, StoreError) as error:
        log.failure(error, {"index": name, "outcome": "not-thinned"}, {**_metrics(environment, start), "Failures": 1})
        return
    if done.versions:
        log.info({"index": name, **_described(done)}, _metrics(environment, start))


def _thin_all(thinning: Thinning | None, log: InvocationLog, context: object) -> dict[str, Any]:
    done = Thinned()
    if thinning is not None:
        environment = thinning.environment
        environment.meter.drain()  # the counts of an invocation that raised
        start = environment.now()
        done = thinning.thin_all(Deadline(start + time_left(context)))
        log.info(_described(done), _metrics(environment, start))
    return _described(done)


def _metrics(environment: Environment, start: float) -> dict[str, float]:
    return {"Latency": (environment.now() - start) * 1000, **environment.meter.drain()}


def _described(done: Thinned) -> dict[str, Any]:
    outcome = "thinned" if done.complete else "thinned-in-part"
    return {"outcome": outcome, "objects": done.objects, "versions": done.versions, "bytes": done.bytes}
