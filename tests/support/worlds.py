"""Services in a world where time passes only by sleeping, and chance is what the test says."""

import atexit
import tempfile
from functools import cache
from itertools import count
from pathlib import Path

import numpy as np

from vectord.index import Sizes
from vectord.local import LocalFiles
from vectord.service import NewVector, Patience, Service, World
from vectord.stores import MemoryStore, Store

FOREVER = float("inf")


class Clock:
    """Time that passes by sleeping alone; each draw takes the share `luck` of its range."""

    def __init__(self, luck: float = 1.0, ids: str = "commit") -> None:
        self.now = 0.0
        self.naps: list[float] = []
        self.draws: list[tuple[float, float]] = []
        self._luck, self._ids = luck, (f"{ids}-{i}" for i in count(1))

    def world(self) -> World:
        return World(now=lambda: self.now, sleep=self._sleep, uniform=self._uniform, new_id=lambda: next(self._ids))

    def _sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds

    def _uniform(self, low: float, high: float) -> float:
        self.draws.append((low, high))
        return low + (high - low) * self._luck


def a_service(
    store: Store | None = None,
    *,
    clock: Clock | None = None,
    world: World | None = None,
    patience: Patience | None = None,
    warm_bytes: int = 1 << 20,
    sizes: Sizes | None = None,
) -> Service:
    """Return a service over `store`, in the world of `clock` unless one is given."""
    world = world or (clock or Clock()).world()
    return Service(
        store or MemoryStore(),
        local_files(),
        warm_bytes=warm_bytes,
        world=world,
        patience=patience or Patience(),
        sizes=sizes,
    )


def local_files(budget: int = 1 << 30) -> LocalFiles:
    """Return files in a folder of their own, which goes with this process."""
    return LocalFiles(Path(tempfile.mkdtemp(dir=_folder())), budget)


@cache
def _folder() -> str:
    folder = tempfile.TemporaryDirectory(prefix="vectord-test-")
    atexit.register(folder.cleanup)
    return folder.name


def vector(vector_id: str, *components: float) -> NewVector:
    return NewVector(vector_id, np.array(components, np.float64))
