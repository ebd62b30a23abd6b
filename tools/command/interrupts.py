"""SIGINT, SIGTERM and SIGHUP as one exception, which never interrupts a block that must run to its end."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(KeyboardInterrupt):
    """A signal asked this process to stop."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


class _State:
    depth = 0
    pending: int | None = None
    stopping = False


def install() -> None:
    """Raise `Stopped` at the first signal; ignore later ones, so that they do not interrupt the clean-up."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _on_signal)


@contextmanager
def shield() -> Iterator[None]:
    """Delay `Stopped` until the block has ended. The block must be short, or limited by a deadline.

    It is for a step that creates something together with the note that it must be removed.
    """
    _State.depth += 1
    try:
        yield
    finally:
        _State.depth -= 1
    if _State.depth == 0 and _State.pending is not None:
        _stop(_State.pending)


def _on_signal(signum: int, _frame: FrameType | None) -> None:
    if _State.stopping:
        return
    if _State.depth:
        _State.pending = signum
        return
    _stop(signum)


def _stop(signum: int) -> None:
    _State.pending, _State.stopping = None, True
    raise Stopped(signum)
