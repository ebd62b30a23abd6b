"""The folder of section files: their names, what earlier processes left in it, and how a file is made or adopted.

    vectord-<hash of id, bytes, crc32>.section           finished: every byte was there and its crc32 was right
    vectord-<the same hash>-<pid>-<random>.part          being filled by one process, which holds a lock on it

Several processes may share the folder. Whoever uses a file holds a shared lock on it, and only who gets the exclusive
lock removes it. The kernel drops the locks of a process that dies, so its parts go at the next start.
"""

import hashlib
import os
import zlib
from pathlib import Path

from vectord.cache.backing import Disk, OnDisk, remove_unless_held
from vectord.lhv1.frame import SectionEntry

_PREFIX, _FINISHED, _PART = "vectord-", ".section", ".part"


def tidy(folder: Path) -> dict[Path, int]:
    """Make the folder, remove parts of dead processes, and return the finished files' sizes, oldest first."""
    folder.mkdir(parents=True, exist_ok=True)
    finished = []
    for path in folder.glob(f"{_PREFIX}*"):
        if path.suffix == _PART:
            remove_unless_held(path)
        elif path.suffix == _FINISHED:
            try:
                status = path.stat()
            except FileNotFoundError:  # another process was faster
                continue
            finished.append((status.st_mtime_ns, path, status.st_size))
    return {path: size for _, path, size in sorted(finished)}


def finished_path(folder: Path, entry: SectionEntry) -> Path:
    """Return where the finished file of the entry's content lies."""
    return folder / f"{_stem(entry)}{_FINISHED}"


def create(folder: Path, entry: SectionEntry, disk: Disk) -> OnDisk:
    """Return a new sparse file for the entry's bytes (> 0).

    Raises:
        OSError: the disk refuses it.
    """
    while True:
        path = folder / f"{_stem(entry)}-{os.getpid()}-{os.urandom(8).hex()}{_PART}"
        file = OnDisk(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), path)
        if file.hold():
            break  # else a process that tidies took it for a dead one's
    try:
        file.extend(disk, entry.bytes)
        file.map(entry.bytes)
    except OSError:
        file.remove()
        raise
    return file


def adopt(folder: Path, entry: SectionEntry) -> OnDisk | None:
    """Return the finished file of the entry's content if there is one and its bytes are right; remove a wrong one."""
    path = finished_path(folder, entry)
    try:
        file = OnDisk(os.open(path, os.O_RDWR | os.O_CLOEXEC), path)
    except FileNotFoundError:
        return None
    if not file.hold():
        return None
    if file.length() == entry.bytes > 0:
        file.map(entry.bytes)
        if f"{zlib.crc32(file.buffer):08x}" == entry.crc32:
            return file
    path.unlink(missing_ok=True)  # wrong for whoever holds it, too
    return None


def _stem(entry: SectionEntry) -> str:
    key = repr((entry.id, entry.bytes, entry.crc32)).encode()
    return _PREFIX + hashlib.blake2b(key, digest_size=16).hexdigest()
