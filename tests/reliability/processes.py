"""Writers and readers that are processes of their own, each with a journal that outlives a kill."""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from tests.support.backends import s3_store
from vectord.cache.section_cache import SectionCache
from vectord.index.thresholds import Thresholds
from vectord.service.service import Service
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.storage.base import Store
from vectord.storage.files.keep import Keep
from vectord.storage.files.store import FileStore

# Writers that always lose go on until the test's deadline.
PATIENCE = RetryPolicy(max_attempts=100_000, base=0.002, cap=0.1)
DEADLINE = 300.0


# Nothing is removed, so that versions count commits.
KEEP_ALL = Keep(versions=1_000_000, bytes=1 << 60)


@dataclass(frozen=True)
class Place:
    """Where the index is, and where a process stores its files and journals.

    Without a `bucket` the index is in the folder `data` of `folder`.
    """

    endpoint: str
    bucket: str | None
    prefix: str
    folder: Path
    sizes: Thresholds

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def store(self) -> Store:
        if self.bucket is None:
            return FileStore(self.data, keep=KEEP_ALL, least_part=1)
        return s3_store(self.endpoint, self.bucket, self.prefix, least_part=1)

    def service(self, number: int, queue: Callable[[bytes], None] | None = None) -> Service:
        store = self.store()
        files = SectionCache(self.folder / f"files-{number}", 1 << 28)
        return Service(
            store,
            files,
            memory_bytes=1 << 22,
            environment=Environment(),
            retry_policy=PATIENCE,
            thresholds=self.sizes,
            queue=queue,
        )

    def journal(self, name: str) -> "Journal":
        return Journal(self.folder / f"{name}.journal")


@dataclass(frozen=True)
class Folder:
    """The folder of a place, as a bucket is used by tests."""

    place: Place

    def keep_versions(self) -> None:
        """Do nothing: `KEEP_ALL` does it."""

    def objects(self) -> dict[str, bytes]:
        return {path.name.removesuffix(".lhv1"): path.read_bytes() for path in self.place.data.glob("*.lhv1")}

    def versions(self, name: str) -> int:
        page = self.place.store().versions(name, 1_000_000)
        return sum(not version.deleted for version in page.versions)


class Journal:
    """Lines of JSON that survive if the process is killed right after."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, **what: Any) -> None:
        handle = os.open(self._path, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
        try:
            os.write(handle, msgspec.json.encode(what) + b"\n")
        finally:
            os.close(handle)

    def read(self) -> list[dict[str, Any]]:
        lines = self._path.read_bytes().splitlines() if self._path.exists() else []
        return [msgspec.json.decode(line) for line in lines]


def until() -> float:
    return monotonic() + DEADLINE


def starts() -> Any:
    """Return a context whose processes are forked from one that has imported everything and has no threads."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["tests.reliability.roles", "tests.support.folder_states", "boto3"])
    return made


@contextmanager
def running(target: Callable[..., None], *arguments: tuple[Any, ...]) -> Iterator[list[ForkServerProcess]]:
    """Run one process for each tuple of arguments; end them with the block."""
    made = starts()
    some = [made.Process(target=target, args=each, daemon=True) for each in arguments]
    for process in some:
        process.start()
    try:
        yield some
    finally:
        for process in some:
            if process.is_alive():
                process.kill()
            process.join()


def all_done(some: list[ForkServerProcess], seconds: float = DEADLINE) -> None:
    """Wait at most `seconds` until all of them have ended without an error."""
    last = monotonic() + seconds
    for process in some:
        process.join(max(0, last - monotonic()))
        assert process.exitcode == 0


def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="vectord-reliability-"))
