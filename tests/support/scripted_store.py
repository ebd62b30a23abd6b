"""A store with scripted responses, for what happens on a real network and never in a memory store."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from vectord.errors import StoreUnavailable
from vectord.storage.base import (
    ByteRange,
    Condition,
    CopySource,
    IfMatch,
    ListedObject,
    NotModified,
    ObjectHead,
    ObjectPage,
    Store,
    StoredObject,
    VersionPage,
)
from vectord.storage.limits import LEAST_PART
from vectord.storage.memory import MemoryStore


def _now() -> datetime:
    return datetime.now(UTC)


Real = Callable[[], Any]
Step = Callable[[Real], Any]


class ScriptedStore:
    """A store behind a script: each call uses the next step of its method; without one it reaches the store.

    The store is in memory, unless another one is given.
    """

    def __init__(
        self, inner: Store | None = None, *, least_part: int = LEAST_PART, clock: Callable[[], datetime] = _now
    ) -> None:
        self.inner: Store = inner or MemoryStore(clock, least_part=least_part)
        self.calls: list[tuple[str, ...]] = []
        self._next: dict[str, deque[Step]] = defaultdict(deque)
        self._else: dict[str, Step] = {}

    def on(self, method: str, *steps: Step) -> None:
        """Script the next calls of `method`, one step each."""
        self._next[method].extend(steps)

    def always(self, method: str, step: Step) -> None:
        """Script every call of `method` that has no own step."""
        self._else[method] = step

    def count(self, method: str) -> int:
        return self.requests()[method]

    def requests(self) -> Counter[str]:
        """Return how many requests there were of each method."""
        return Counter(method for method, *_ in self.calls)

    def unconditional_reads(self) -> Counter[str]:
        """Return how many times each object was read without a known ETag."""
        return Counter(call[1] for call in self.calls if call[0] == "head" and not call[2])

    def get(self, name: str, known_etag: str | None = None) -> StoredObject | NotModified:
        return self._step("get", lambda: self.inner.get(name, known_etag), name, known_etag or "")

    def etag(self, name: str) -> str:
        return self._step("etag", lambda: self.inner.etag(name), name)

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        return self._step("put", lambda: self.inner.put(name, data, condition, commit), name)

    def head(
        self, name: str, length: int, known_etag: str | None = None, *, version: str | None = None
    ) -> ObjectHead | NotModified:
        return self._step(
            "head", lambda: self.inner.head(name, length, known_etag, version=version), name, known_etag or ""
        )

    def read(self, name: str, etag: str, ranges: Sequence[ByteRange], *, version: str | None = None) -> list[bytes]:
        return self._step("read", lambda: self.inner.read(name, etag, ranges, version=version), name, etag)

    def versions(self, name: str, limit: int, after: str | None = None) -> VersionPage:
        return self._step("versions", lambda: self.inner.versions(name, limit, after), name, after or "")

    def link(self, name: str, seconds: int, filename: str, *, version: str | None = None) -> str:
        return self._step("link", lambda: self.inner.link(name, seconds, filename, version=version), name)

    def splice(
        self, name: str, head: bytes, source: CopySource, *, condition: Condition, commit: str, gives_way: bool = False
    ) -> str:
        def real() -> str:
            return self.inner.splice(name, head, source, condition=condition, commit=commit, gives_way=gives_way)

        return self._step("splice", real, name)

    def stage(self, name: str, parts: Iterable[bytes]) -> str:
        return self._step("stage", lambda: self.inner.stage(name, parts), name)

    def discard(self, name: str) -> None:
        return self._step("discard", lambda: self.inner.discard(name), name)

    def staged(self, folder: str) -> Sequence[ListedObject]:
        return self._step("staged", lambda: self.inner.staged(folder), folder)

    def delete(self, name: str, condition: IfMatch) -> None:
        return self._step("delete", lambda: self.inner.delete(name, condition), name)

    def list(self, prefix: str, limit: int, after: str | None) -> ObjectPage:
        return self._step("list", lambda: self.inner.list(prefix, limit, after), prefix)

    def _step(self, method: str, real: Real, *arguments: str) -> Any:
        self.calls.append((method, *arguments))
        steps = self._next[method]
        return (steps.popleft() if steps else self._else.get(method, passes_through))(real)


def passes_through(real: Real) -> Any:
    return real()


def fails_with(error: Exception) -> Step:
    """Raise an error and do nothing."""

    def step(_: Real) -> Any:
        raise error

    return step


no_reply = fails_with(StoreUnavailable("no answer"))


def loses_reply(real: Real) -> Any:
    """Execute the call and lose the response."""
    real()
    raise StoreUnavailable("the reply was lost")


def arrives_twice(real: Real) -> Any:
    """Execute the call twice, as a gateway may repeat a request; return the second response."""
    real()
    return real()


def loses_reply_then(meanwhile: Callable[[], Any]) -> Step:
    """Execute the call, lose the response, and run `meanwhile` before the caller can look."""

    def step(real: Real) -> Any:
        real()
        meanwhile()
        raise StoreUnavailable("the reply was lost")

    return step


def no_reply_then(meanwhile: Callable[[], Any]) -> Step:
    """Do not execute the call, give no response, and run `meanwhile`."""

    def step(_: Real) -> Any:
        meanwhile()
        raise StoreUnavailable("no answer")

    return step


def after(meanwhile: Callable[[], Any]) -> Step:
    """Run `meanwhile` first, then execute the call."""

    def step(real: Real) -> Any:
        meanwhile()
        return real()

    return step
