"""A demo that is interrupted at any moment leaves no process and no file."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.command.paths import ROOT


def processes_that_mention(text: str) -> list[str]:
    """Find processes by their environment, which every child of the demo inherits."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has ended meanwhile, or is not ours
    return found


def gone(text: str, seconds: float) -> bool:
    """Wait for the last process: one that was killed may be seen for a moment."""
    deadline = time.monotonic() + seconds
    while processes_that_mention(text):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize(
    ("moment", "signum"),
    [
        ("  build ", signal.SIGINT),  # first: the demos after it put the build right again
        ("  deploy ", signal.SIGINT),
        ("  load ", signal.SIGTERM),
        ("  latency ", signal.SIGINT),
        ("  restart ", signal.SIGTERM),
    ],
)
def test_an_interrupted_demo_leaves_no_process_and_no_file(tmp_path: Path, moment: str, signum: signal.Signals) -> None:
    command = [sys.executable, "-m", "tools.demo"]
    env = os.environ | {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, start_new_session=True) as demo:
        assert demo.stdout is not None
        seen = b""
        while moment.encode() not in seen:
            read = os.read(demo.stdout.fileno(), 4096)
            assert read, seen.decode()
            seen += read
        time.sleep(0.3)  # into the step, past its first line
        assert processes_that_mention(str(tmp_path))
        demo.send_signal(signum)
        demo.stdout.read()
        assert demo.wait(timeout=30) == 128 + signum
    assert gone(str(tmp_path), seconds=5), processes_that_mention(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
