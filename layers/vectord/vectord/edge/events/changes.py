"""SQS messages that announce queued changes: apply each change, and record what became of it.

| what happens                         | what becomes of the change                                                |
|--------------------------------------|---------------------------------------------------------------------------|
| it is refused (a 4xx problem)        | its state is `failed`                                                     |
| its index was created again          | the same: it was accepted for the earlier index                           |
| storage or another writer delays it  | SQS delivers the message again, and finally moves it to the dead letters  |
| a message is delivered again         | nothing: the change is recorded, or its idempotency key is                |
| its object is gone                   | nothing: it was withdrawn, or has expired                                 |
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import structs

from vectord.edge import problems, queued, telemetry
from vectord.edge import request as requests
from vectord.edge.handler import failure_metric, time_left
from vectord.edge.telemetry import InvocationLog, Write
from vectord.edge.write_routes import WRITES
from vectord.errors import ChangeNotFound, VectordError
from vectord.service.queued import Message, QueuedChange
from vectord.service.service import Service
from vectord.service.values.options import Deadline

_UNKNOWN: Final = "unknown"

Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]


def handler(compose: Callable[[], Service]) -> Handler:
    """Return the `lambda_handler` that applies the changes that SQS messages name, with partial batch failures."""
    cached_service = cache(compose)

    def lambda_handler(event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        service, log = cached_service(), telemetry.begin(context)
        failed = []
        for record in event["Records"]:
            deadline = Deadline(service.environment.now() + time_left(context))
            message_log = structs.replace(log, correlation_id=record["messageId"])
            if not _Delivery(service, deadline, message_log).done(record["body"]):
                failed.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failed}

    return lambda_handler


class _Delivery:
    """One message, and what its log line says."""

    def __init__(self, service: Service, deadline: Deadline, log: InvocationLog) -> None:
        self._service, self._deadline, self._log = service, deadline, log
        self._changes, self._start = queued.changes_of(service), service.environment.now()
        self._fields: dict[str, Any] = {}
        self._principal, self._operation = _UNKNOWN, "queued-change"

    def done(self, body: str) -> bool:
        """Apply the change of a message and log its outcome; return False if SQS must deliver the message again.

        Whatever one message raises, the others are applied: also the panic of a library in Rust, which is not an
        Exception.
        """
        try:
            self._fields["outcome"] = self._outcome(msgspec.json.decode(body, type=Message))
        except (KeyboardInterrupt, SystemExit):
            self._service.environment.meter.drain()  # else a later invocation's line would have its counts
            raise
        except BaseException as error:  # noqa: BLE001  see above
            write = self._write()
            fields = {**self._fields, "outcome": "postponed", "rows": None}
            self._log.failure(error, fields, {**failure_metric(error), **self._metrics()}, write)
            return False
        write = self._write()
        self._log.info(self._fields, self._metrics(), write)
        return True

    def _outcome(self, message: Message) -> str:
        """Apply a change unless that is done, and return the outcome for the log."""
        self._fields |= {"index": message.index, "token": message.token}
        try:
            change = self._changes.load(message.index, message.token, self._deadline)
        except ChangeNotFound:
            return "not-found"
        if change.state != "queued":
            return "done-before"
        return self._apply(message, change)

    def _apply(self, message: Message, change: QueuedChange) -> str:
        stored, event = queued.read_stored(change.rest)
        write = WRITES[stored.route]
        self._principal, self._operation = stored.principal, write.operation
        try:
            request = requests.read(event, WRITES, self._deadline)
            reply = write.apply(structs.replace(request, identity=stored.identity), self._service)
        except VectordError as error:
            if problems.is_failure(error):
                raise
            self._fields["rows"] = None
            problem = msgspec.json.encode(problems.problem(error))
            self._changes.finish(message, change, "failed", problem, self._deadline)
            return problems.slug_of(error)
        self._fields |= reply.audit
        self._changes.finish(message, change, "applied", queued.result_of(reply), self._deadline)
        return "applied"

    def _write(self) -> Write:
        return Write(self._principal, self._operation, self._service.environment.meter.commits)

    def _metrics(self) -> dict[str, float]:
        environment = self._service.environment
        return {"Latency": (environment.now() - self._start) * 1000, **environment.meter.drain()}
