"""Services in a world where time passes only by sleeping, and chance is what the test says."""

from itertools import count

import numpy as np

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
) -> Service:
    """Return a service over `store`, in the world of `clock` unless one is given."""
    world = world or (clock or Clock()).world()
    return Service(store or MemoryStore(), warm_bytes=warm_bytes, world=world, patience=patience or Patience())


def vector(vector_id: str, *components: float) -> NewVector:
    return NewVector(vector_id, np.array(components, np.float64))
