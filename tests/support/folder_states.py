"""Changes of a store in a folder, and the states that the folder may be in after each of them."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.backends import LEAST_PART
from tests.support.failing_system import QUICK
from tests.support.object_versions import NEW, OLD
from vectord.errors import ObjectVersionNotFound
from vectord.storage.base import CopySource, IfAbsent, IfMatch, ObjectHead, StoredObject
from vectord.storage.files.keep import Keep
from vectord.storage.files.store import FileStore
from vectord.storage.files.system import System

HEAD: Final = b"h" * LEAST_PART
STAGED: Final = ".staging/0123"
BUILT: Final = ".staging/s"
BODY: Final = b"b" * LEAST_PART
SHARD: Final = f"films/{'0' * 32}/0"
BUCKET: Final = ".s3vectors/films"
NAMES: Final = ("t", "u", STAGED, SHARD, BUCKET)
KEEP: Final = Keep(versions=2)

type State = Mapping[str, bytes]
type Change = Callable[[FileStore], object]


@dataclass(frozen=True)
class Case:
    """A change; `adds` and `removes` say what it makes of a folder whose objects `t` and `s` have two states each."""

    change: Change
    adds: Mapping[str, bytes]
    removes: tuple[str, ...] = ()
    is_build: bool = False
    has_thread: bool = False  # a second thread makes calls at its own pace

    def outcome(self, before: State) -> State:
        return {name: data for name, data in {**before, **self.adds}.items() if name not in self.removes}

    def has_versions(self, folder: Path, state: State) -> bool:
        """Return True if no version of `t` is lost: both were there before, and a build replaces the bytes of one."""
        is_built = self.is_build and state["t"] != NEW
        expected = Counter([OLD, state["t"], state["t"]] if is_built else [OLD, NEW])
        return expected <= Counter(versions_of(folder))


def _splice(store: FileStore) -> object:
    etag = store.etag("t")
    source = CopySource("t", etag, 0, len(NEW))
    return store.splice("t", HEAD, source, condition=IfMatch(etag), commit="c")


def _build(store: FileStore) -> object:
    etag, source = store.etag("t"), CopySource(BUILT, store.etag(BUILT), 0, len(BODY))
    return store.splice("t", HEAD, source, condition=IfMatch(etag), commit="c")


def _put_early(store: FileStore) -> object:
    with store.write_early(BODY, len(HEAD)):
        return store.put_parts("t", [HEAD, BODY, b"tail"], IfMatch(store.etag("t")), "c")


def _put_early_unused(store: FileStore) -> object:
    with store.write_early(BODY, len(HEAD)):
        return store.put("t", b"newer", IfMatch(store.etag("t")), "c")


def _splice_version(store: FileStore) -> object:
    old = store.versions("t", 10).versions[1]
    source = CopySource("t", old.etag or "", 0, len(OLD), old.id)
    return store.splice("u", HEAD, source, condition=IfAbsent(), commit="c")


CASES: Final[dict[str, Case]] = {
    "create": Case(lambda store: store.put("u", b"new", IfAbsent(), "c"), {"u": b"new"}),
    "replace": Case(lambda store: store.put("t", b"newer", IfMatch(store.etag("t")), "c"), {"t": b"newer"}),
    "early write": Case(_put_early, {"t": HEAD + BODY + b"tail"}, has_thread=True),
    "early write of other bytes": Case(_put_early_unused, {"t": b"newer"}, has_thread=True),
    "splice": Case(_splice, {"t": HEAD + NEW}),
    "build": Case(_build, {"t": HEAD + BODY}, is_build=True),
    "create by splice of a version": Case(_splice_version, {"u": HEAD + OLD}),
    "delete": Case(lambda store: store.delete("t", IfMatch(store.etag("t"))), {}, ("t",)),
    "stage": Case(lambda store: store.stage(STAGED, [HEAD, b"end"]), {STAGED: HEAD + b"end"}),
    "discard": Case(lambda store: store.discard(BUILT), {}, (BUILT,)),
    "create a shard": Case(lambda store: store.put(SHARD, b"rows", IfAbsent(), "c"), {SHARD: b"rows"}),
    "delete a bucket": Case(lambda store: store.delete(BUCKET, IfMatch(store.etag(BUCKET))), {}, (BUCKET,)),
}


def filled(folder: Path) -> State:
    """Fill a folder: index `t` with an earlier version, a vector bucket and a staged object; return its objects."""
    store = opened(folder)
    store.put("t", NEW, IfMatch(store.put("t", OLD, IfAbsent(), "c")), "c")
    store.put(BUCKET, b"{}", IfAbsent(), "c")
    store.stage(BUILT, [BODY])
    return state_of(folder)


def opened(folder: Path, system: System | None = None) -> FileStore:
    return FileStore(folder, keep=KEEP, least_part=LEAST_PART, system=system or QUICK)


def state_of(folder: Path) -> State:
    """Return every object that a new process finds, by name."""
    store, found = opened(folder), {}
    for name in (*NAMES, BUILT):
        if (folder / _path(name)).exists():
            stored = store.get(name)
            assert isinstance(stored, StoredObject)
            found[name] = stored.data
    return found


def _path(name: str) -> str:
    suffix = {".staging": "", ".s3vectors": ".json"}.get(name.partition("/")[0], ".lhv1")
    return name + suffix


def versions_of(folder: Path, name: str = "t") -> list[bytes | None]:
    """Return the bytes of each version, newest first, None for a deletion; each is readable and has its own id."""
    store = opened(folder)
    listed = store.versions(name, 100).versions
    assert len({one.id for one in listed}) == len(listed)
    assert [one.latest for one in listed] == [number == 0 for number in range(len(listed))]
    return [None if one.deleted else _bytes(store, name, one.id) for one in listed]


def _bytes(store: FileStore, name: str, version: str) -> bytes:
    try:
        head = store.head(name, 1 << 20, version=version)
    except ObjectVersionNotFound as error:
        raise AssertionError(f"version {version} is listed, but not found") from error
    assert isinstance(head, ObjectHead)
    return bytes(head.data)


def garbage(folder: Path) -> set[str]:
    """Return the files and empty folders of no object and no version, after the next process has written."""
    store = opened(folder)
    store.stage(".staging/last", [b""])
    store.discard(".staging/last")
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() or not any(path.iterdir())}
    wanted = {_path(name) for name in (*NAMES, BUILT)}
    return {
        file
        for file in files - wanted
        if not file.startswith((".versions/t/", ".versions/u/", ".locks/"))
        and file not in (".temporary", ".staging", ".s3vectors", ".versions")
    }
