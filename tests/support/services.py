"""Services in an environment where time passes only by sleeping, and the test decides randomness."""

import atexit
import tempfile
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from vectord.cache.section_cache import SectionCache
from vectord.index.kernels.distance import as_float32
from vectord.index.query.query import Query
from vectord.index.thresholds import Thresholds
from vectord.readers.entry import Components, NewVector
from vectord.service.service import Service
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline
from vectord.storage.base import Store
from vectord.storage.memory import MemoryStore

FOREVER = Deadline(float("inf"))


class Clock:
    """Time that passes only by sleeping; each random draw returns the share `random_share` of its range."""

    def __init__(self, random_share: float = 1.0, ids: str = "commit") -> None:
        self.now = 0.0
        self.sleeps: list[float] = []
        self.draws: list[tuple[float, float]] = []
        self._luck, self._ids = random_share, (f"{ids}-{i}" for i in count(1))

    def environment(self) -> Environment:
        return Environment(
            now=lambda: self.now, sleep=self._sleep, uniform=self._uniform, new_id=lambda: next(self._ids)
        )

    def _sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    def _uniform(self, low: float, high: float) -> float:
        self.draws.append((low, high))
        return low + (high - low) * self._luck


def a_service(
    store: Store | None = None,
    *,
    clock: Clock | None = None,
    environment: Environment | None = None,
    retry_policy: RetryPolicy | None = None,
    memory_bytes: int = 1 << 20,
    sizes: Thresholds | None = None,
) -> Service:
    """Return a service over `store`, in the environment of `clock` unless one is given."""
    environment = environment or (clock or Clock()).environment()
    return Service(
        store or MemoryStore(),
        new_section_cache(),
        memory_bytes=memory_bytes,
        environment=environment,
        retry_policy=retry_policy or RetryPolicy(),
        thresholds=sizes,
    )


def new_section_cache(budget: int = 1 << 30) -> SectionCache:
    """Return a section cache in a folder of its own, which is deleted with this process."""
    return SectionCache(Path(tempfile.mkdtemp(dir=_folder())), budget)


@cache
def _folder() -> str:
    folder = tempfile.TemporaryDirectory(prefix="vectord-test-")
    atexit.register(folder.cleanup)
    return folder.name


def a_query(vector: Components, k: int, **more: Any) -> Query:
    """Return a query for the nearest to one vector."""
    return Query(k, (as_float32(vector),), **more)


def vector(vector_id: str, *components: float) -> NewVector:
    return NewVector(vector_id, np.array(components, np.float64))
