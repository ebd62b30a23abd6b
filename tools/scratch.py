"""One private temporary folder for this process and for every tool that it starts."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.interrupts import shield

REMOVE_SECONDS = 5.0
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


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a folder that goes when the block is left, with whatever SAM, pip or a function left in it."""
    folder: Path | None = None
    try:
        with shield():
            folder = Path(tempfile.mkdtemp(prefix="vectord-"))
        yield folder
    finally:
        if folder is not None:
            with shield():
                _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder in which a process that was just killed may still finish one last write."""
    deadline = time.monotonic() + REMOVE_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.01)


def environment(folder: Path) -> dict[str, str]:
    """Build the environment of a tool: ours, with no AWS account and no proxy in it, and a TMPDIR in the folder."""
    tmp = folder / "tmp"
    tmp.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_ACCOUNT)}
    return kept | _LOCAL | {"TMPDIR": str(tmp), "__SAM_CLI_APP_DIR": str(tmp)}


def forget_account() -> None:
    """Take the caller's AWS account and proxies out of this very process: it shall reach nothing but this machine."""
    for name in [name for name in os.environ if name.startswith(_ACCOUNT)]:
        del os.environ[name]
    os.environ.update(_LOCAL)
