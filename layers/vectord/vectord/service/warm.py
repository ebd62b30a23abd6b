"""Warm state: indexes that this process has opened, each under the ETag of its blob."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from vectord import index as ix
from vectord.errors import BlobError
from vectord.index import Index
from vectord.service.world import World
from vectord.stores import Fetched, Store


@dataclass(frozen=True, slots=True)
class Versioned:
    """An index and the ETag of exactly the blob that holds it."""

    index: Index
    etag: str


class WarmIndexes:
    """Keeps the indexes used last, up to `budget` bytes of blobs, and always the newest one."""

    def __init__(self, store: Store, budget: int, world: World) -> None:
        self._store, self._budget, self._world = store, budget, world
        self._held: OrderedDict[str, Versioned] = OrderedDict()
        self._lock = Lock()

    def read(self, name: str) -> Versioned:
        """Return the present state by one conditional GET; its bytes travel only if it changed.

        Raises:
            ObjectMissing, StoreUnavailable, StoreRefused: as the store's `get` does.
            BlobCorrupt, BlobUnsupported: the object under `name` cannot be read.
        """
        with self._lock:
            held = self._held.get(name)
        start = self._world.now()
        answer = self._store.get(name, held.etag if held else None)
        if isinstance(answer, Fetched):
            opened = self.keep(name, Versioned(_open(name, answer.data), answer.etag))
            self._world.meter.add("ColdLoads")
            self._world.meter.add("ColdLoadBytes", len(answer.data))
            self._world.meter.add("ColdLoadMilliseconds", (self._world.now() - start) * 1000)
            return opened
        if held is None:
            raise AssertionError("a store may answer Unchanged only to an ETag")
        self._world.meter.add("CacheHits")
        return self.keep(name, held)

    def keep(self, name: str, state: Versioned) -> Versioned:
        with self._lock:
            self._held[name] = state
            self._held.move_to_end(name)
            while len(self._held) > 1 and sum(held.index.size for held in self._held.values()) > self._budget:
                self._held.popitem(last=False)
        return state

    def forget(self, name: str) -> None:
        with self._lock:
            self._held.pop(name, None)


def _open(name: str, blob: bytes) -> Index:
    try:
        return ix.open_blob(blob)
    except BlobError as error:
        raise type(error)(error.reason, name) from error
