"""The ephemeral store: objects in this process's memory, for tests and try-outs."""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from threading import Lock

from vectord.errors import ConditionFailed, ObjectNotFound, StoreRefused, StoreUnavailable
from vectord.storage.base import Condition, Fetched, Head, IfMatch, Listed, Page, Source, Span, Unchanged, VersionPage
from vectord.storage.limits import LEAST_PART, STAGING, check_splice, check_staging, checked
from vectord.storage.links import check_link
from vectord.storage.memory_versions import KEPT_BYTES, History


def _now() -> datetime:
    return datetime.now(UTC)


class MemoryStore:
    """A Store whose compare-and-set is atomic; it forgets everything with its process.

    `least_part` is what S3 asks of parts, unless a test wants to splice few bytes; `kept` is how many bytes of old
    versions it holds, the newest of all objects.
    """

    def __init__(
        self, clock: Callable[[], datetime] = _now, *, least_part: int = LEAST_PART, kept: int = KEPT_BYTES
    ) -> None:
        self._clock, self._least, self._history = clock, least_part, History(kept)
        self._lock = Lock()
        self._objects: dict[str, tuple[Fetched, datetime]] = {}

    def get(self, name: str, held: str | None = None) -> Fetched | Unchanged:
        with self._lock:
            found = self._present(name)
        return Unchanged() if found.etag == held else found

    def etag(self, name: str) -> str:
        with self._lock:
            return self._present(name).etag

    def head(self, name: str, most: int, held: str | None = None, *, version: str | None = None) -> Head | Unchanged:
        with self._lock:
            found = self._present(name, version)
        return Unchanged() if found.etag == held else Head(found.data[:most], found.etag, len(found.data))

    def read(self, name: str, etag: str, spans: Sequence[Span], *, version: str | None = None) -> list[bytes]:
        if not spans:
            return []
        with self._lock:
            data = self._pinned(name, etag, version)
        return [_span(data, start, stop) for start, stop in spans]

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        with self._lock:
            self._check(name, condition)
            return self._write(name, data)

    def splice(self, name: str, head: bytes, source: Source, tail: bytes, *, condition: Condition, commit: str) -> str:
        check_splice(head, source, self._least)
        with self._lock:
            copied = _span(self._pinned(source.name, source.etag, source.version), source.start, source.stop)
            self._check(name, condition)
            return self._write(name, head + copied + tail, parts=3 if tail else 2)

    def stage(self, name: str, parts: Iterable[bytes]) -> str:
        check_staging(name)
        taken = list(checked(parts, self._least))
        with self._lock:
            return self._write(name, b"".join(taken), len(taken))

    def discard(self, name: str) -> None:
        check_staging(name)
        with self._lock:
            self._objects.pop(name, None)  # what is staged has no versions

    def delete(self, name: str, condition: IfMatch) -> None:
        with self._lock:
            self._check(name, condition)
            del self._objects[name]
            self._history.add(name, None, self._clock())

    def list(self, prefix: str, limit: int, after: str | None) -> Page:
        with self._lock:
            names = sorted(name for name in self._objects if name.startswith(prefix) and name > (after or ""))
            names = [name for name in names if "/" not in name]  # what is staged, and shards
            page = tuple(
                Listed(name, len(self._objects[name][0].data), self._objects[name][1]) for name in names[:limit]
            )
        return Page(page, page[-1].name if len(names) > limit else None)

    def versions(self, name: str, limit: int, after: str | None = None) -> VersionPage:
        with self._lock:
            return self._history.page(name, limit, after)

    def link(self, name: str, seconds: int, filename: str, *, version: str | None = None) -> str:
        """Return a URL that holds the bytes themselves, as long as anybody keeps it."""
        check_link(seconds, filename)
        with self._lock:
            data = self._present(name, version).data
        return f"data:application/octet-stream;base64,{b64encode(data).decode()}"

    def _write(self, name: str, data: bytes, parts: int = 0) -> str:
        # As in S3, equal bytes written in as many parts get equal ETags.
        digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
        etag = f'"{digest}-{parts}"' if parts else f'"{digest}"'
        self._objects[name] = (Fetched(data, etag), now := self._clock())
        if not name.startswith(STAGING):
            self._history.add(name, Fetched(data, etag), now)
        return etag

    def _check(self, name: str, condition: Condition) -> None:
        if isinstance(condition, IfMatch):
            self._pinned(name, condition.etag)
        elif name in self._objects:
            raise ConditionFailed(name)

    def _pinned(self, name: str, etag: str, version: str | None = None) -> bytes:
        found = self._present(name, version)
        if found.etag != etag:
            raise ConditionFailed(name)
        return found.data

    def _present(self, name: str, version: str | None = None) -> Fetched:
        if version is not None:
            return self._history.find(name, version)
        if name not in self._objects:
            raise ObjectNotFound(name)
        return self._objects[name][0]


def _span(data: bytes, start: int, stop: int) -> bytes:
    """Return a span as S3 answers it: none may start after the end, and one that ends after it comes short."""
    if start >= len(data) and start != stop:
        raise StoreRefused("InvalidRange")
    if stop > len(data):
        raise StoreUnavailable("a span came short")
    return data[start:stop]
