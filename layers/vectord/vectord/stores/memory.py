"""The ephemeral store: objects in this process's memory, for tests and try-outs."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock

from vectord.errors import ConditionFailed, ObjectMissing
from vectord.stores.protocol import Condition, Fetched, IfAbsent, IfMatch, Listed, Page, Unchanged


def _now() -> datetime:
    return datetime.now(UTC)


class MemoryStore:
    """A Store whose compare-and-set is atomic; it forgets everything with its process."""

    def __init__(self, clock: Callable[[], datetime] = _now) -> None:
        self._clock = clock
        self._lock = Lock()
        self._objects: dict[str, tuple[Fetched, datetime]] = {}

    def get(self, name: str, held: str | None = None) -> Fetched | Unchanged:
        with self._lock:
            found = self._present(name)
        return Unchanged() if found.etag == held else found

    def etag(self, name: str) -> str:
        with self._lock:
            return self._present(name).etag

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        with self._lock:
            self._check(name, condition)
            # Equal bytes get equal ETags, as in S3.
            etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
            self._objects[name] = (Fetched(data, etag), self._clock())
        return etag

    def delete(self, name: str, condition: IfMatch) -> None:
        with self._lock:
            self._check(name, condition)
            del self._objects[name]

    def list(self, prefix: str, limit: int, after: str | None) -> Page:
        with self._lock:
            names = sorted(name for name in self._objects if name.startswith(prefix) and name > (after or ""))
            page = tuple(
                Listed(name, len(self._objects[name][0].data), self._objects[name][1]) for name in names[:limit]
            )
        return Page(page, page[-1].name if len(names) > limit else None)

    def _check(self, name: str, condition: Condition) -> None:
        if isinstance(condition, IfAbsent):
            if name in self._objects:
                raise ConditionFailed(name)
        elif self._present(name).etag != condition.etag:
            raise ConditionFailed(name)

    def _present(self, name: str) -> Fetched:
        if name not in self._objects:
            raise ObjectMissing(name)
        return self._objects[name][0]
