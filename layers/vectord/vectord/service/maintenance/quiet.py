"""Waiting until a load is over: an index that is built between two batches of a load is built again after the next."""

from collections.abc import Callable
from typing import Final

import msgspec

from vectord.index.build.builder import Report
from vectord.index.state import Index
from vectord.service.snapshots.cache import Snapshot
from vectord.service.values.environment import Environment
from vectord.service.values.options import Deadline

_COMPONENT_BYTES: Final = 4
_REPORT_SECONDS: Final = 30.0  # between two reports of one wait


class WaitLimits(msgspec.Struct, frozen=True):
    """How long a build waits for the end of a load.

    A load is over when the index has not changed for `quiet` seconds. A build waits `longest` seconds at most and
    `share` of the time that it has, and looks at the index every `interval` seconds. It does not wait while the
    vectors of the tail have more than `tail_bytes` bytes and more than those of the base.
    """

    quiet: float = 5.0
    longest: float = 120.0
    share: float = 0.25
    interval: float = 1.0
    tail_bytes: int = 256 << 20

    def is_tail_too_large(self, index: Index) -> bool:
        """Return True if the tail of `index` is too large to wait."""
        row_bytes = index.params.dimension * _COMPONENT_BYTES
        return len(index.tail) * row_bytes > max(self.tail_bytes, index.base_rows * row_bytes)


DEFAULT: Final = WaitLimits()


class QuietWait:
    """One wait for the end of a load of an index, whose present state `look` returns."""

    def __init__(
        self, limits: WaitLimits, look: Callable[[], Snapshot], environment: Environment, report: Report
    ) -> None:
        self._limits, self._look, self._environment, self._report = limits, look, environment, report
        self._report_at = environment.now()

    def run(self, is_due: Callable[[Index], bool], deadline: Deadline) -> bool:
        """Return True when a build should start, and False if it `is_due` no longer.

        Raises:
            What `look` raises.
        """
        limits, environment = self._limits, self._environment
        start = changed_at = environment.now()
        end = start + min(limits.longest, limits.share * environment.left(deadline))
        state = self._look()
        while is_due(state.index):
            now = environment.now()
            if limits.is_tail_too_large(state.index) or now >= min(changed_at + limits.quiet, end):
                return True
            self._report_wait(now - changed_at)
            environment.sleep(min(limits.interval, end - now))
            latest = self._look()
            if latest.etag != state.etag:
                changed_at = environment.now()
            state = latest
        return False

    def _report_wait(self, seconds: float) -> None:
        if self._environment.now() >= self._report_at:
            self._report(f"waits: the index changed {seconds:.0f} s ago")
            self._report_at = self._environment.now() + _REPORT_SECONDS
