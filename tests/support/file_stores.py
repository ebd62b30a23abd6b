"""Stores in folders: open one, write an object, and make a file old."""

import os
from pathlib import Path

from tests.support.backends import LEAST_PART
from tests.support.failing_system import QUICK
from vectord.storage.base import IfAbsent, IfMatch
from vectord.storage.files.keep import Keep
from vectord.storage.files.store import FileStore
from vectord.storage.files.system import System

GENERATION = "0" * 32


def opened(folder: Path, system: System = QUICK, keep: Keep | None = None) -> FileStore:
    return FileStore(folder, keep=keep, least_part=LEAST_PART, system=system)


def put(store: FileStore, data: bytes, etag: str | None = None, name: str = "t") -> str:
    return store.put(name, data, IfMatch(etag) if etag else IfAbsent(), "c")


def age(path: Path, seconds: float = 60) -> None:
    """Make a file as old as if no change of it could be unnoticed."""
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns - int(seconds * 1e9)))
