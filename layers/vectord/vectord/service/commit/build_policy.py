"""Decides who runs a build that is due: the writer that finds it due, if that takes a moment, or else a compaction."""

from typing import Final, Protocol

import msgspec

from vectord.errors import StoreError
from vectord.index.memory import section_bytes
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds, build_is_due, first_build_takes_long
from vectord.service.values.environment import Environment
from vectord.service.values.options import Deadline

# The cost of a build on one vCPU; docs/decisions/builds.md has the measurements.
_SECONDS_PER_COMPONENT: Final = 4e-7
_BANDWIDTH: Final = 75e6  # bytes a second, from S3 and to it
_COPIES: Final = 6  # of the index in memory at once

REQUEST_WAIT: Final = 0.3  # seconds that a request waits for a build
_SHARE: Final = 0.5  # of the time left that a build may use; after a conflict it is repeated
_REQUEST_INTERVAL: Final = 60.0  # seconds between two requests to compact the same index
_SEND_SECONDS: Final = 2.0  # how long a committed change waits for Lambda to accept the request


class Send(Protocol):
    """Sends an event to the function that compacts."""

    def __call__(self, payload: bytes, seconds: float) -> None:
        """Send it, as JSON text, and wait for `seconds` at most; sending it twice does no harm.

        Raises:
            StoreError: the event may not have been accepted.
        """


class BuildPolicy:
    """The policy of a function with `memory` bytes, which can `send` events to the function that compacts.

    A write waits at most `REQUEST_WAIT` seconds for a build. Without one, all rows of an index that has no base in the
    packed form are in its tail until the compaction is done.
    """

    def __init__(self, environment: Environment, send: Send, memory: int) -> None:
        self._environment, self._send, self._memory = environment, send, memory
        self._next_request: dict[str, float] = {}  # by index

    def is_deferred(self, index: Index, thresholds: Thresholds, deadline: Deadline) -> bool:
        """Return True if a build of `index` is due, and this write should not wait for it or has no memory for it."""
        # A commit builds an index without a packed base.
        is_due = build_is_due if index.can_keep_base else first_build_takes_long
        if not is_due(index, thresholds):
            return False
        wait = min(REQUEST_WAIT, _SHARE * self._environment.left(deadline))
        return build_seconds(index) > wait or _COPIES * section_bytes(index) > self._memory

    def request_compaction(self, name: str, index: Index) -> None:
        """Request a compaction of index `name`, whose state is now `index`, unless one was just requested.

        If that fails, the next change requests it again.
        """
        now = self._environment.now()
        if now < self._next_request.get(name, now):
            return
        try:
            self._send(msgspec.json.encode({"index": name}), _SEND_SECONDS)
        except StoreError:
            self._environment.meter.add("CompactionsUnheard")  # do not raise: the change is committed
            return
        self._next_request[name] = now + _REQUEST_INTERVAL
        self._environment.meter.add("CompactionsAsked")


def build_seconds(index: Index) -> float:
    """Estimate the seconds to fetch the missing bytes of `index`, to rebuild it and to write it."""
    components = len(index) * index.params.dimension
    return components * _SECONDS_PER_COMPONENT + (_missing_bytes(index) + section_bytes(index)) / _BANDWIDTH


def _missing_bytes(index: Index) -> int:
    return sum(stop - start for section, _ in index.sections for start, stop in section.missing(None))
