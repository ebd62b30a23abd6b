"""Child processes that end with this one: each leads a process group, so that its own children end too."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from tools.command.errors import CommandFailed
from tools.command.interrupts import shield
from tools.command.paths import ROOT

GRACE_SECONDS = 10.0
TAIL_LINES = 40


@contextmanager
def running(command: Sequence[str], log: Path | None, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command in the work tree; end it and its children when the block is left.

    Its output goes to the end of `log`, or is shown if there is no log.
    """
    child: subprocess.Popen[bytes] | None = None
    try:
        with shield(), log.open("ab") if log else nullcontext() as output:
            child = subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        yield child
    finally:
        if child is not None:
            with shield():
                _end(child)


def run(command: Sequence[str], log: Path, env: Mapping[str, str]) -> None:
    """Run a command to its end, with its output in a log.

    Raises:
        CommandFailed: its exit status is not 0.
    """
    with running(command, log, env) as child:
        status = child.wait()
    if status != 0:
        raise CommandFailed(f"{' '.join(command)}\nended with status {status}:\n{tail(log)}")


def tail(log: Path) -> str:
    """Return the last lines of a log, indented."""
    lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    return "\n".join(f"    {line}" for line in lines)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM to the process group, wait for its leader, then send SIGKILL."""
    _signal_group(child, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        child.wait(GRACE_SECONDS)
    _signal_group(child, signal.SIGKILL)
    child.wait()


def _signal_group(child: subprocess.Popen[bytes], signum: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signum)
