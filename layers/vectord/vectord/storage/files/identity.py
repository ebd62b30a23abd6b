"""ETags of files, computed from their bytes alone: every process computes the same, and a copied file has one.

The ETag of an index is made of its commit id, the seal of its envelope and its size. The seal covers the checksums of
the sections. The ETag of any other object is a hash of all its bytes.
"""

import hashlib
import os
import re
import struct
from collections.abc import Callable
from typing import Final

import msgspec

from vectord.lhv1.frame import MAGIC, VERSION

type ReadRange = Callable[[int, int], bytes]  # start and stop in bytes
type StatKey = tuple[int, int, int, int, int]

_PREFIX: Final = struct.Struct(">4sI")
_FIRST: Final = 64 << 10  # bytes; the envelope of a packed index usually ends in them, before its padding
_MAX_ENVELOPE: Final = 256 << 20  # bytes; a longer envelope is not read into memory for this
_CHUNK: Final = 1 << 20
_COMMIT: Final = r"[A-Za-z0-9_.-]{1,64}"
_CRC32: Final = r"[0-9a-f]{8}"
_MAX_CACHED: Final = 4_096
# A file that changed less than this before it was read may change again without a visible difference in its times.
_TICK_NS: Final = 50_000_000
_COARSE_TICK_NS: Final = 3_000_000_000  # on file systems that store whole seconds


class _Envelope(msgspec.Struct):
    version: int
    commit: str = ""
    crc32: str = ""


def etag_of(read: ReadRange, size: int) -> str:
    """Return the ETag, with its quotes, of the `size` bytes that `read` returns in ranges."""
    sealed = _sealed_envelope(read, size)
    if sealed is None:
        return f'"{_hash(read, size)}"'
    commit = sealed.commit
    if not re.fullmatch(_COMMIT, commit):
        commit = hashlib.blake2b(commit.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f'"{commit}-{sealed.crc32}-{size:x}"'


def _sealed_envelope(read: ReadRange, size: int) -> _Envelope | None:
    """Return what identifies an index of the present format; None for any other object."""
    first = read(0, min(size, _FIRST))
    if len(first) < _PREFIX.size:
        return None
    magic, length = _PREFIX.unpack_from(first)
    if magic != MAGIC or length > min(size - _PREFIX.size, _MAX_ENVELOPE):
        return None
    envelope = _decoded(first[_PREFIX.size : _PREFIX.size + length])
    if envelope is None and length > len(first) - _PREFIX.size:
        envelope = _decoded(read(_PREFIX.size, _PREFIX.size + length))
    is_sealed = envelope and envelope.version == VERSION and envelope.commit and re.fullmatch(_CRC32, envelope.crc32)
    return envelope if is_sealed else None


def _decoded(raw: bytes) -> _Envelope | None:
    """Return the envelope if `raw` contains all of it but spaces at its end."""
    try:
        return msgspec.json.decode(raw, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _hash(read: ReadRange, size: int) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for start in range(0, size, _CHUNK):
        digest.update(read(start, min(start + _CHUNK, size)))
    return digest.hexdigest()


def stat_key(found: os.stat_result) -> StatKey:
    """Return what changes when another file has the name, or the bytes of the file change."""
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)


class EtagCache:
    """The ETags of files that were read or written, by what `stat` returns for them."""

    def __init__(self) -> None:
        self._etags: dict[StatKey, str] = {}

    def get(self, key: StatKey) -> str | None:
        return self._etags.get(key)

    def keep_written(self, found: os.stat_result, etag: str, stamp_ns: int) -> None:
        """Cache the ETag of a file that this process has just written and given the unique time `stamp_ns`."""
        if found.st_mtime_ns == stamp_ns:  # else the file system rounded it, and it is not unique
            self._keep(stat_key(found), etag)

    def keep_read(self, found: os.stat_result, etag: str, since_ns: int) -> None:
        """Cache the ETag of a file that was read, unless it may have changed unnoticed after `since_ns`.

        A change gives the file a later ctime only if the clock of the file system has ticked since its last change.
        """
        tick = _TICK_NS if found.st_ctime_ns % 1_000_000_000 else _COARSE_TICK_NS
        if found.st_ctime_ns + tick < since_ns:
            self._keep(stat_key(found), etag)

    def _keep(self, key: StatKey, etag: str) -> None:
        if len(self._etags) >= _MAX_CACHED:
            self._etags.clear()
        self._etags[key] = etag
