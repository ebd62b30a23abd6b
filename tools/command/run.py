"""The frame of every command: a private scratch folder, an environment without an AWS account, and an exit status."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tools.command import console, interrupts
from tools.command.errors import ToolError

REMOVE_SECONDS = 5.0
MEMORY = "VECTORD_MEMORY"  # a folder in memory: `.ci/run` sets it if the machine has enough
_ACCOUNT = ("AWS_", "SAM_CLI_")
_LOCAL = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "NO_PROXY": "127.0.0.1",
    "SAM_CLI_TELEMETRY": "0",
    "no_proxy": "127.0.0.1",
}


def run_tool(body: Callable[[Path], None]) -> int:
    """Run a command in a scratch folder and return its exit status."""
    interrupts.install()
    try:
        with scratch_folder() as folder:
            body(folder)
    except interrupts.Stopped as stop:
        console.say(f"stopped by {stop}; all child processes have ended and all temporary files are removed")
        return stop.exit_code
    except ToolError as problem:
        console.fail(str(problem))
        return 1
    return 0


@contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """Create a temporary folder; remove it with everything that SAM, pip or a function wrote there."""
    folder: Path | None = None
    try:
        with interrupts.shield():
            folder = Path(tempfile.mkdtemp(prefix="vectord-", dir=parent))
        yield folder
    finally:
        if folder is not None:
            with interrupts.shield():
                _remove(folder)


def folder_of_many_files(folder: Path) -> AbstractContextManager[Path]:
    """Create a temporary folder in `folder`, or in memory if VECTORD_MEMORY names a folder there.

    Each instance of a function has 5,300 files. A disk that is mounted with `discard` takes 1 ms to remove one of them.
    """
    return scratch_folder(Path(os.environ.get(MEMORY) or folder))


def environment(folder: Path) -> dict[str, str]:
    """Return variables for a child process: ours without AWS accounts and proxies, with a TMPDIR in `folder`."""
    tmp = folder / "tmp"
    tmp.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_ACCOUNT)}
    return kept | _LOCAL | {"TMPDIR": str(tmp), "__SAM_CLI_APP_DIR": str(tmp)}


def forget_account() -> None:
    """Remove AWS accounts and proxies from this process's own environment, so that it reaches only this machine."""
    for name in [name for name in os.environ if name.startswith(_ACCOUNT)]:
        del os.environ[name]
    os.environ.update(_LOCAL)


def _remove(folder: Path) -> None:
    """Remove a folder, repeatedly: a process that was just killed may still finish a last write in it."""
    deadline = time.monotonic() + REMOVE_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.01)
