"""Logs and metrics: one JSON line on stdout for each request, with its metrics in CloudWatch's embedded metric format.

Format: "Specification: Embedded metric format" in the CloudWatch user guide. CloudWatch extracts the metrics from the
log, so a request never waits for a call to CloudWatch. A line never contains a vector, metadata, credentials or the
key of an object, except that of an uploaded file.

Powertools writes the lines. Its import takes 13 ms, so the first request imports it in a thread, while it waits for S3.
Metrics are passed to `serialize_metric_set` directly: `Metrics.add_metric` would log each value as a list, and would
add 25 µs to a request.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from itertools import count
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from vectord.errors import VectordError
from vectord.service.values.environment import Commit

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Metrics

NAMESPACE: Final = "vectord"
_FRAMES: Final = 20  # of each error in a traceback
_MAX_TRACE: Final = 100  # lines of a traceback, after which no further cause is added
# Seconds from the first request until Powertools is imported, unless a line is written before. A search has its codes
# when it begins, and waits only for its rows, which it chooses first.
_LOAD_DELAY: Final = 0.015
_LOAD_DELAY_OF_SEARCH: Final = 0.03
_INVOCATIONS: Final = count()  # of this process
UNITS: Final[dict[str, str]] = {
    "Latency": "Milliseconds",
    "Failures": "Count",
    "CacheHits": "Count",
    "ColdLoads": "Count",
    "ReadBytes": "Bytes",
    "ReadRequests": "Count",
    "ReadRounds": "Count",
    "ColdLoadMilliseconds": "Milliseconds",
    "Commits": "Count",
    "Conflicts": "Count",
    "ChangesOfOthers": "Count",
    "ShardsLeft": "Count",
    "FetchMilliseconds": "Milliseconds",
    "ParseMilliseconds": "Milliseconds",
    "CommitMilliseconds": "Milliseconds",
    "RowsCommitted": "Count",
    "RowsRejected": "Count",
    "CompactionsAsked": "Count",
    "CompactionsUnheard": "Count",
    "RowsBuilt": "Count",
    "WaitMilliseconds": "Milliseconds",
    "BuildMilliseconds": "Milliseconds",
    "StageMilliseconds": "Milliseconds",
    "StagedBytes": "Bytes",
    "ExportedBytes": "Bytes",
    "VersionsRemoved": "Count",
    "VersionBytesRemoved": "Bytes",
}


class Write(msgspec.Struct, frozen=True):
    """A write, for the audit log: who requested which operation, and the commits that it led to."""

    principal: str
    operation: str
    commits: Sequence[Commit] = ()


class RequestLog(Protocol):
    """The log of one HTTP request."""

    def info(self, fields: Mapping[str, Any], metrics: Mapping[str, float], write: Write | None = None) -> None:
        """Record a request that was answered: `fields`, `metrics` (names of UNITS) and the write, if it was one."""

    def error(self, error: Exception, message: str) -> None:
        """Record the error of a request that failed."""


class BeginLog(Protocol):
    """Returns the log of a request, for Lambda's context object and the id that the caller knows."""

    def __call__(self, context: object, correlation_id: str | None, /) -> RequestLog: ...


class InvocationLog(msgspec.Struct, frozen=True):
    """Writes the log lines of one invocation; every line carries these fields."""

    request_id: str | None
    function: str | None
    correlation_id: str | None
    cold_start: bool

    def info(self, fields: Mapping[str, Any], metrics: Mapping[str, float], write: Write | None = None) -> None:
        """Write a line of `fields`, a write, and `metrics` (names of UNITS) with the function's name as dimension."""
        audited = {} if write is None else _audited(write, fields.get("index"))
        _POWERTOOLS.logger.info({**self._common(), **audited, **fields, **self._embedded(metrics)})

    def error(self, error: Exception, message: str) -> None:
        """Write a line with level `error`, the error's type and `message`."""
        _POWERTOOLS.logger.error({**self._common(), "error": type(error).__name__, "message": message})

    def failure(
        self, error: BaseException, fields: Mapping[str, Any], metrics: Mapping[str, float], write: Write | None = None
    ) -> None:
        """Write a line as `error` and `info` do; a defect, which is not a VectordError, with its traceback."""
        trace = {} if isinstance(error, VectordError) else {"traceback": _trace(error)}
        audited = {} if write is None else _audited(write, fields.get("index"))
        described = {"error": type(error).__name__, **audited, **fields, **trace}
        _POWERTOOLS.logger.error({**self._common(), **described, **self._embedded(metrics)})

    def _common(self) -> dict[str, Any]:
        correlation = {} if self.correlation_id is None else {"correlation_id": self.correlation_id}
        return {"request": self.request_id, **correlation, "cold_start": self.cold_start}

    def _embedded(self, metrics: Mapping[str, float]) -> Mapping[str, Any]:
        values = {name: round(value, 3) for name, value in metrics.items()}
        if not self.function or not values:
            return values
        declared = {name: {"Unit": UNITS[name], "Value": value} for name, value in values.items()}
        return _POWERTOOLS.metrics.serialize_metric_set(declared, {"Function": self.function}, {})


def _audited(write: Write, index: object) -> Mapping[str, Any]:
    """Return the fields of a write of `index`: ETags of the index as a whole, else those of each shard by its number.

    A write may also create an index of another name, `target`.
    """
    whole = [commit for commit in write.commits if "/" not in commit.name]
    shards = {one.name.rsplit("/", 1)[1]: (one.before, one.after) for one in write.commits if "/" in one.name}
    fields: dict[str, Any] = {
        "principal": write.principal,
        "operation": write.operation,
        "etag_before": whole[0].before if whole else None,
        "etag_after": whole[-1].after if whole else None,
    }
    if whole and whole[0].name != index:
        fields["target"] = whole[0].name
    if shards and not whole:
        fields["shards"] = shards
    return fields


def file_id(key: str) -> str:
    """Return the short name of an uploaded file in the audit log: 16 hex digits of the SHA-256 of its key."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def begin(context: object, correlation_id: str | None = None, *, load_delay: float = _LOAD_DELAY) -> InvocationLog:
    """Return the log of an invocation. Call this once for each: the first call counts as the cold start.

    `context` is Lambda's context object, or None outside Lambda. `correlation_id` is an id that the caller knows too.
    """
    cold = next(_INVOCATIONS) == 0
    if cold:
        _load_soon(load_delay)
    return InvocationLog(
        getattr(context, "aws_request_id", None), getattr(context, "function_name", None), correlation_id, cold
    )


def _trace(error: BaseException) -> list[str]:
    """Return the type and the innermost frames of an error and of its causes; their messages could contain data."""
    import traceback  # noqa: PLC0415  takes 4 ms, and only a defect needs it

    lines: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(lines) < _MAX_TRACE:
        frames = traceback.extract_tb(cause.__traceback__, limit=-_FRAMES)
        lines += [type(cause).__name__, *(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return lines


class _Stdout:
    """The present `sys.stdout`, because tests replace it after the logger was made."""

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


def _line(record: dict[str, Any]) -> str:
    """Return a record, whose message is a dict of fields, as one JSON line in ASCII: text may hold lone surrogates."""
    return json.dumps({"level": record["level"].lower(), **record["message"]})


def begin_search(context: object, correlation_id: str | None = None) -> InvocationLog:
    """Return what `begin` does for an invocation of the search function."""
    return begin(context, correlation_id, load_delay=_LOAD_DELAY_OF_SEARCH)


def _load_soon(delay: float) -> None:
    """Import Powertools in a thread; by then the first request waits for S3, and does not share the GIL with it."""
    timer = Timer(delay, _POWERTOOLS.load)
    timer.daemon = True
    timer.start()


class _Powertools:
    """The logger and the metrics of Powertools, which are made at the first use, once for all threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: tuple[Logger, Metrics] | None = None

    @property
    def logger(self) -> "Logger":
        return (self._made or self.load())[0]

    @property
    def metrics(self) -> "Metrics":
        return (self._made or self.load())[1]

    def load(self) -> "tuple[Logger, Metrics]":
        """Import Powertools, unless another thread does that, and return the logger and the metrics."""
        with self._lock:
            if self._made is None:
                self._made = _make_logger(), _make_metrics()
            return self._made


def _make_logger() -> "Logger":
    import logging  # noqa: PLC0415

    from aws_lambda_powertools import Logger  # noqa: PLC0415  takes 13 ms, while the first request waits for S3

    # None disables fields that `_line` would drop. The level is fixed, so POWERTOOLS_LOG_LEVEL cannot drop metrics.
    return Logger(
        service=NAMESPACE,
        level="INFO",
        logger_handler=logging.StreamHandler(_Stdout()),
        json_serializer=_line,
        serialize_stacktrace=False,
        location=None,
        timestamp=None,
        xray_trace_id=None,
    )


def _make_metrics() -> "Metrics":
    from aws_lambda_powertools import Metrics  # noqa: PLC0415  see `_make_logger`

    # The service is empty, so that POWERTOOLS_SERVICE_NAME cannot add a dimension.
    return Metrics(namespace=NAMESPACE, service="")


_POWERTOOLS: Final = _Powertools()
