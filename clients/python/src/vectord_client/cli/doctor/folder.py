"""Checks of a folder in embedded mode: access, room on its disk, and that its indexes are whole."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from vectord_client import errors
from vectord_client.cli.doctor.finding import Finding, fail, failed, ok, warn
from vectord_client.cli.doctor.installation import installed
from vectord_client.cli.records import counted
from vectord_client.client import Client

_FIRST, _AFTER_LAST = (3, 12), (3, 14)  # versions of Python on which the engine runs
_ROOM: Final = 1 << 30  # a write stages a whole index beside the present one
_INSTALL: Final = "pip install 'vectord-client[embedded]'"


def folder(path: Path) -> Iterator[Finding]:
    """Yield the findings about a folder. It creates nothing but a file that it removes at once."""
    yield _engine()
    if not path.exists():
        parent = next(one for one in path.absolute().parents if one.exists())
        if os.access(parent, os.W_OK):
            yield ok("folder", f"{path} does not exist; the first command that writes creates it")
        else:
            yield fail(
                "folder",
                f"{path} does not exist, and {parent} cannot be written",
                f"chmod u+w {parent}, or another --store",
            )
        return
    if not path.is_dir():
        yield fail("folder", f"{path} is not a folder", "name the folder that the file is in: --store FOLDER")
        return
    yield from _access(path)


def indexes(client: Client, name: str | None = None) -> Iterator[Finding]:
    """Yield the findings about all indexes, or about one of them, which are read as a whole."""
    try:
        names = [index.name for index in client.indexes()] if name is None else [name]
    except errors.VectordError as error:
        yield failed("open", error)
        return
    whole = 0
    for one in names:
        try:
            client.index(one).warm()  # checks the digest of each section
        except errors.VectordError as error:
            yield failed(f"index {one}", error)
        else:
            whole += 1
    if whole or not names:
        yield ok("open", counted(whole, "index"))


def _engine() -> Finding:
    if not _FIRST <= sys.version_info[:2] < _AFTER_LAST:
        found = ".".join(map(str, sys.version_info[:2]))
        return fail(
            "engine",
            f"the engine needs Python 3.12 or 3.13, and this is {found}",
            "install vectord-client for Python 3.12",
        )
    if not installed("embedded"):
        return fail("engine", "the extra embedded is not installed", _INSTALL)
    kernel = "with" if find_spec("vectord.index.kernels.native") else "without"
    return ok("engine", f"the extra embedded is installed, {kernel} the native kernel, which makes searches faster")


def _access(path: Path) -> Iterator[Finding]:
    if not os.access(path, os.R_OK | os.X_OK):
        yield fail(
            "folder", f"{path} cannot be read", f"chmod u+rx {path}, or run as its owner (uid {path.stat().st_uid})"
        )
        return
    try:
        with tempfile.NamedTemporaryFile(dir=path, prefix=".vectord-doctor-") as probe:
            probe.write(b"vectord")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        yield fail(
            "folder",
            f"{path} cannot be written: {error.strerror}",
            f"chmod u+w {path}; a full or read-only disk needs another --store",
        )
    else:
        yield ok("folder", f"{path} can be read and written")
    free = shutil.disk_usage(path).free
    sizes = [entry.stat().st_size for entry in path.glob("*.lhv1")]
    needed = max(_ROOM, 2 * max(sizes, default=0))
    detail = f"{free / 1e9:,.1f} GB free; {counted(len(sizes), 'index file')}, {sum(sizes) / 1e9:,.1f} GB"
    if free < needed:
        yield warn(
            "disk", detail, f"free {(needed - free) / 1e9:,.1f} GB: a write stages a whole index beside the present one"
        )
    else:
        yield ok("disk", detail)
