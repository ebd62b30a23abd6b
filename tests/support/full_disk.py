"""A disk that becomes full after some pages."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from vectord.cache.backing import Disk
from vectord.cache.section_file import PAGE


@dataclass
class FullDisk:
    """A disk with room for `pages` pages in `folder`. Like a full disk it fails after writing what still fits."""

    folder: Path
    pages: int
    error: int = errno.ENOSPC

    def pwrite(self, fd: int, data: memoryview, start: int) -> int:
        taken = sum(file.stat().st_blocks * 512 for file in self.folder.iterdir())
        fits = min(len(data), self.pages * PAGE - taken)
        if fits <= 0:
            raise OSError(self.error, os.strerror(self.error))
        return os.pwrite(fd, data[:fits], start)

    def calls(self) -> Disk:
        return Disk(pwrite=self.pwrite)
