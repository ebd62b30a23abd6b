"""The log of requests in this process: records of Python's `logging`, and nothing on stdout.

The logger `vectord_client.embedded` gets one record for each request at the level DEBUG, with the fields that the log
line of a function has, and a failure of the engine or of storage at the level ERROR. An application that does not
configure logging sees none of them: a failure reaches it as an error anyway.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

from vectord.edge.telemetry import Write

LOGGER: Final = logging.getLogger("vectord_client.embedded")

LOGGER.addHandler(logging.NullHandler())


class RequestLog:
    """The log of one request, and of any other: it has no state."""

    def info(self, fields: Mapping[str, Any], metrics: Mapping[str, float], write: Write | None = None) -> None:
        """Record a request that was answered."""
        if LOGGER.isEnabledFor(logging.DEBUG):
            operation = {} if write is None else {"operation": write.operation}
            LOGGER.debug("%s", {**operation, **fields, **metrics})

    def error(self, error: Exception, message: str) -> None:
        """Record the error of a request that failed."""
        LOGGER.error("%s: %s", type(error).__name__, message)


_LOG: Final = RequestLog()


def begin(_context: object, _correlation_id: str | None) -> RequestLog:
    """Return the log of a request, as `vectord.edge.handler` calls for one."""
    return _LOG
