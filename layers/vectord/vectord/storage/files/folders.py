"""Folders inside the store's folder: make them, and make the names in them durable."""

import os
from typing import Final

from vectord.storage.files.errors import unknown_outcome
from vectord.storage.files.system import System

_READ_FOLDER: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY


class Folders:
    """`unsynced` has the folders with a change that is visible, but that the disk has not confirmed."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.unsynced: set[str] = set()

    def make(self, path: str) -> None:
        """Make a folder, unless it exists; the one above it exists.

        Raises:
            OSError
        """
        try:
            self._system.mkdir(path)
        except FileExistsError:
            return
        self._sync(os.path.dirname(path))  # noqa: PTH120

    def sync(self, *paths: str) -> None:
        """Make the names in folders durable.

        Raises:
            StoreUnavailable: they are changed, but may not survive a loss of power.
        """
        self.unsynced.update(paths)
        self.sync_again()

    def sync_again(self) -> None:
        """Sync what could not be synced before: until then no read may confirm the change; raise what `sync` does."""
        for path in list(self.unsynced):
            try:
                self._sync(path)
            except FileNotFoundError:  # it was removed since, and its names with it
                pass
            except OSError as error:
                raise unknown_outcome(error) from error
            self.unsynced.discard(path)

    def _sync(self, path: str) -> None:
        fd = self._system.open(path, _READ_FOLDER)
        try:
            self._system.fsync(fd)
        finally:
            self._system.close(fd)
