"""The directory of section files: file names, files of earlier processes, creating and adopting a file.

    vectord-<hash of id, bytes, crc32>.section           finished: all bytes were present and the checksum was right
    vectord-<the same hash>-<pid>-<random>.part          being filled by one process, which holds a lock on it

Several processes may share the directory. The kernel releases the locks of a process that dies, so its `.part` files
are removed when the next process starts.
"""

import hashlib
import os
import zlib
from pathlib import Path

from vectord.cache.backing import Disk, OnDisk, remove_unless_in_use
from vectord.lhv1.envelope import SectionEntry

_PREFIX, _FINISHED, _PART = "vectord-", ".section", ".part"


def prepare(folder: Path) -> dict[Path, int]:
    """Create the folder, remove parts of dead processes, and return the sizes of finished files, oldest file first."""
    folder.mkdir(parents=True, exist_ok=True)
    finished = []
    for path in folder.glob(f"{_PREFIX}*"):
        if path.suffix == _PART:
            remove_unless_in_use(path)
        elif path.suffix == _FINISHED:
            try:
                status = path.stat()
            except FileNotFoundError:  # another process removed it meanwhile
                continue
            finished.append((status.st_mtime_ns, path, status.st_size))
    return {path: size for _, path, size in sorted(finished)}


def finished_path(folder: Path, entry: SectionEntry) -> Path:
    """Return the path of the finished file for the content of `entry`."""
    return folder / f"{_stem(entry)}{_FINISHED}"


def create(folder: Path, entry: SectionEntry, disk: Disk) -> OnDisk:
    """Create a sparse file for the bytes (> 0) of `entry`.

    Raises:
        OSError: the disk refuses it.
    """
    while True:
        path = folder / f"{_stem(entry)}-{os.getpid()}-{os.urandom(8).hex()}{_PART}"
        file = OnDisk(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), path, disk)
        if file.lock():
            break  # otherwise a process in `prepare` removed it before it was locked
    try:
        file.extend(entry.bytes)
        file.map(entry.bytes)
    except OSError:
        file.remove()
        raise
    return file


def adopt(folder: Path, entry: SectionEntry) -> OnDisk | None:
    """Return the finished file for the content of `entry`, or None; remove a file whose content is wrong."""
    path = finished_path(folder, entry)
    try:
        file = OnDisk(os.open(path, os.O_RDWR | os.O_CLOEXEC), path)
    except FileNotFoundError:
        return None
    if not file.lock():
        return None
    if file.length() == entry.bytes > 0:
        file.map(entry.bytes)
        if f"{zlib.crc32(file.buffer):08x}" == entry.crc32:
            return file
    path.unlink(missing_ok=True)  # it is wrong for other processes, too
    return None


def _stem(entry: SectionEntry) -> str:
    key = repr((entry.id, entry.bytes, entry.crc32)).encode()
    return _PREFIX + hashlib.blake2b(key, digest_size=16).hexdigest()
