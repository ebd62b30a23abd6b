"""The lines of the log about uploaded files."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import structs

from vectord.edge import telemetry
from vectord.edge.handler import failure_metric
from vectord.edge.telemetry import InvocationLog, Write
from vectord.service.ingestion.uploads import index_of
from vectord.service.ingestion.values import Ingested
from vectord.service.values.environment import Commit, Environment
from vectord.storage.inbox import UploadedFile

_OPERATION: Final = "ingest-file"  # in the audit log
_UNKNOWN: Final = "unknown"  # the principal, if the event does not name it


class UploadLine:
    """The line about one file of a message, or about a message that cannot be read: what was counted for it so far."""

    def __init__(self, log: InvocationLog, environment: Environment, message: str) -> None:
        """Write to the log of an invocation; `message` is the id of the message."""
        self.message = message
        self.upload: UploadedFile | None = None
        self._log, self._environment = structs.replace(log, correlation_id=message), environment
        self._start = environment.now()
        self._counts: dict[str, float] = {}
        self._commits: list[Commit] = []

    def begin(self) -> None:
        """Measure the latency from now on."""
        self._start = self._environment.now()

    def count(self, counts: Mapping[str, float], commits: Sequence[Commit]) -> None:
        """Add what the meter counted, and the commits that the file is part of."""
        for name, value in counts.items():
            self._counts[name] = self._counts.get(name, 0) + value
        self._commits += commits

    def ingested(self, result: Ingested, group: int | None = None) -> None:
        """Write the outcome of the file; a `group` of this many files had one commit."""
        shared = {} if group is None else {"group": group}
        size = {} if self.upload is None else {"bytes": self.upload.size}
        fields = {**self._names(), "index": result.index, "outcome": result.outcome, "rows": result.rows}
        rows = {"RowsCommitted": result.rows, "RowsRejected": result.bad}
        self._log.info({**fields, **size, **shared}, {**self._latency(), **rows, **self._counts}, self._write())

    def failed(self, error: BaseException) -> None:
        """Write the error of the file, or of the message if the file is not known."""
        fields: dict[str, Any] = {"message": self.message, **self._names()}
        if self.upload is not None:
            fields |= {"outcome": "failed", "rows": None}
        metrics = {**self._latency(), **failure_metric(error), **self._counts}
        self._log.failure(error, fields, metrics, self._write())

    def postponed(self) -> None:
        """Write that SQS will deliver the file again, because too little time is left."""
        self._log.info({**self._names(), "outcome": "postponed"}, {})

    def _names(self) -> dict[str, str]:
        """Return the fields that name the file: its index, its key, and the short name of the key."""
        if self.upload is None:
            return {}
        key = self.upload.key
        return {"index": index_of(key), "key": key, "file": telemetry.file_id(key)}

    def _latency(self) -> dict[str, float]:
        return {"Latency": (self._environment.now() - self._start) * 1000}

    def _write(self) -> Write | None:
        """Return the write for the audit log; None of a message whose file is not known."""
        if self.upload is None:
            return None
        return Write(self.upload.principal or _UNKNOWN, _OPERATION, self._commits)
