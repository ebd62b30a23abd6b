"""Ctrl-C and SIGTERM as one exception that never falls between making a thing and noting that it must be undone."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(KeyboardInterrupt):
    """Somebody asked this process to stop."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


class _State:
    depth = 0
    pending: int | None = None
    stopping = False


def install() -> None:
    """Raise `Stopped` at the first SIGINT, SIGTERM or SIGHUP; later ones do not break into the clean-up."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _on_signal)


@contextmanager
def shield() -> Iterator[None]:
    """Hold a stop back until the block is done. For blocks that are short, or bounded by a deadline."""
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
