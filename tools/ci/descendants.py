"""End every process that this one has started, directly or not."""

import ctypes
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Set
from contextlib import suppress
from pathlib import Path
from typing import Final

STAGE_SECONDS: Final = 60.0  # for the clean-up of a stage, which gives 10 s to each of its children
PROCESS_SECONDS: Final = 10.0
_PR_SET_CHILD_SUBREAPER: Final = 36


def adopt_orphans() -> None:
    """Become the parent of each descendant whose parent ends, so that `running` finds it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def running() -> dict[int, int]:
    """Return the process groups of all descendants that have not ended, by their ids."""
    children: dict[int, dict[int, int]] = defaultdict(dict)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            state, parent, group = stat.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if state not in "XZ":
                children[int(parent)][int(stat.parent.name)] = int(group)
    found, below = dict[int, int](), [os.getpid()]
    while below:
        some = children[below.pop()]
        found |= some
        below += some
    return found


def end(leaders: Set[int]) -> None:
    """End all descendants: interrupt the leaders' process groups as Ctrl-C does, then end what they leave.

    A stage ends its own children when it is interrupted. Others are left if one of its processes was killed.
    """
    for group in leaders & set(running().values()):
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGINT)
    _wait(lambda: bool(leaders & running().keys()), STAGE_SECONDS)
    for signum in (signal.SIGTERM, signal.SIGKILL):
        for process in running():
            with suppress(ProcessLookupError):
                os.kill(process, signum)
        _wait(lambda: bool(running()), PROCESS_SECONDS)


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until a condition is false, at most some seconds."""
    deadline = time.monotonic() + seconds
    while condition() and time.monotonic() < deadline:
        time.sleep(0.05)
