"""Early writes: a thread writes a large part of an object to a temporary file while the caller prepares the others.

The part is at an offset that leaves room for the parts before it. The write of the object waits for the thread, and
adds the other parts to the same file. It also reports what failed in the thread, as if it had written the part itself.

Another thread computes the CRC-32 of the part, which the caller needs for the parts before it.
"""

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from threading import local
from typing import TYPE_CHECKING, Final

import numpy as np

from vectord.errors import StoreError
from vectord.lhv1 import crc32
from vectord.storage.base import Data
from vectord.storage.files.errors import TRANSLATED
from vectord.storage.files.system import System
from vectord.storage.files.temporary import TemporaryFile, TemporaryFiles

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

# Bytes of one call. After each the thread waits up to 5 ms for the interpreter lock; between two it can be stopped.
_CHUNK: Final = 32 << 20


class EarlyWrite:
    """The bytes `data`, which a thread writes at `offset` of `file`, and another one syncs.

    `crc32` waits for their CRC-32.
    """

    def __init__(
        self, file: TemporaryFile, data: Data, offset: int, pool: "ThreadPoolExecutor", system: System
    ) -> None:
        """Start the threads.

        Raises:
            StoreError: the process has no free file descriptor.
        """
        self.file = file
        self._data, self._offset, self._system = memoryview(data), offset, system
        self._is_stopped = False
        with TRANSLATED:
            # A caller that does not wait for the thread, after a second Ctrl-C, closes the file's own descriptor.
            fd = system.dup(file.fd)
        self.crc32 = pool.submit(zlib.crc32, data).result
        self._outcome = pool.submit(self._write, fd)

    def stop(self) -> None:
        """Make the thread end after the present call."""
        self._is_stopped = True

    def has(self, part: Data) -> bool:
        """Return True if `part` is the memory that is written early."""
        return _memory(part) == _memory(self._data)

    def missing_bytes(self, parts: Sequence[Data]) -> int | None:
        """Return how many bytes the object `parts` lacks before the written one; None if that is not one of them."""
        size = 0
        for part in parts:
            if self.has(part):
                return self._offset - size
            size += len(part)
        return None

    def add(self, parts: Sequence[Data]) -> None:
        """Wait for the thread, and write the other parts of the object, which lacks no bytes.

        Raises:
            StoreError: a part could not be written.
        """
        self._outcome.result()
        self.file.seek(0)
        start = 0
        for part in parts:
            if start == self._offset:
                self.file.seek(start + len(part))
            else:
                self.file.write(part)
            start += len(part)

    def _write(self, fd: int) -> None:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  takes 2 ms; few writes are large

        syncs: list[Future[None]] = []
        try:
            with TRANSLATED, ThreadPoolExecutor(1, "vectord-early-sync") as pool:
                self._system.lseek(fd, self._offset, os.SEEK_SET)
                for start in range(0, len(self._data), _CHUNK):
                    if self._is_stopped:
                        return
                    self._system.write_all(fd, self._data[start : start + _CHUNK])
                    syncs.append(pool.submit(self._system.fsync, fd))  # the disk works during the next call
                for sync in syncs:  # an error is reported to one of them only
                    sync.result()
        finally:
            self._system.close(fd)


class EarlyWrites:
    """The early writes of one store. Each belongs to the thread of its caller."""

    def __init__(self, temporary: TemporaryFiles, system: System) -> None:
        self._temporary, self._system = temporary, system
        self._of_thread = local()

    @contextmanager
    def start(self, data: Data, offset: int) -> Iterator[Callable[[], int]]:
        """Write `data` at `offset` while the block runs. If the block writes no object with it, nothing remains.

        The block gets a function that returns the CRC-32 of `data`.
        """
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  takes 2 ms; few writes are large

        early: EarlyWrite | None = None
        with self._temporary.discarded() as file, ThreadPoolExecutor(2, "vectord-early-write") as pool:
            with suppress(StoreError):  # the write of the object meets it, too, and reports it
                file.create()
                early = self._of_thread.write = EarlyWrite(file, data, offset, pool, self._system)
            try:
                yield early.crc32 if early else partial(zlib.crc32, data)
            finally:
                self._forget()
                if early:
                    early.stop()

    def crc32(self, data: Data, before: int) -> int:
        """Return the CRC-32 of bytes with the CRC-32 `before` and of `data` after them."""
        early = self._of_this_thread
        if early is None or not early.has(data):
            return zlib.crc32(data, before)
        return crc32.joined(before, early.crc32(), len(data))

    def missing_bytes(self, parts: Sequence[Data]) -> int:
        """Return how many bytes before the written part the object `parts` lacks; 0 if no part is being written."""
        early = self._of_this_thread
        return max(0, (early.missing_bytes(parts) or 0) if early else 0)

    def take(self, parts: Sequence[Data]) -> EarlyWrite | None:
        """Return the early write of one of `parts` if it is in its place. It is returned once."""
        early = self._of_this_thread
        if early is None or early.missing_bytes(parts) != 0:
            return None
        self._forget()
        return early

    @property
    def _of_this_thread(self) -> EarlyWrite | None:
        early: EarlyWrite | None = getattr(self._of_thread, "write", None)
        return early

    def _forget(self) -> None:
        self._of_thread.write = None


def _memory(data: Data) -> tuple[int, int]:
    """Return the address and the size of the memory of `data`: two values may be equal and not the same."""
    found = np.frombuffer(data, np.uint8)
    return found.__array_interface__["data"][0], len(found)
