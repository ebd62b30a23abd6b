"""The folder as a whole: its faults, what crashed processes leave in it, and its locks."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from time import time_ns

import pytest
from msgspec import structs

from tests.support.failing_system import QUICK, Calls, fails_with
from tests.support.file_stores import age, opened, put
from vectord.errors import (
    ConditionFailed,
    FolderRefused,
    ObjectNotFound,
    StoreError,
    StoreUnavailable,
    WriteConflict,
)
from vectord.storage.base import IfMatch, StoredObject
from vectord.storage.files.store import FileStore


class TestFolder:
    def test_a_write_whose_condition_does_not_hold_writes_no_byte(self, store: FileStore, folder: Path) -> None:
        put(store, b"rows")
        calls = Calls(names=("write",))
        with pytest.raises(ConditionFailed):
            put(opened(folder, calls.system()), b"more", '"another"')
        assert calls.made == []

    def test_a_folder_is_made_with_those_above_it(self, tmp_path: Path) -> None:
        put(opened(tmp_path / "a/b c/d"), b"rows")
        assert (tmp_path / "a/b c/d/t.lhv1").read_bytes() == b"rows"

    def test_a_file_in_place_of_the_folder_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "data").write_bytes(b"")
        with pytest.raises(FolderRefused, match="a file is where it needs a folder"):
            opened(tmp_path / "data")

    def test_a_folder_that_was_removed_is_not_made_again(self, store: FileStore, folder: Path) -> None:
        """A disk may have been unmounted: what is written to its place would be hidden later."""
        etag = put(store, b"rows")
        folder.rename(folder.with_name("away"))
        calls = [
            lambda: store.get("t"),
            lambda: store.etag("u"),
            lambda: store.head("t", 1, etag),
            lambda: store.read("t", etag, [(0, 1)]),
            lambda: store.list("", 10, None),
            lambda: store.versions("t", 10),
            lambda: put(store, b"new", name="u"),
            lambda: store.delete("t", IfMatch(etag)),
            lambda: store.stage(".staging/1", [b""]),
        ]
        for call in calls:
            with pytest.raises(FolderRefused, match="was removed"):
                call()
        assert not folder.exists()
        folder.with_name("away").rename(folder)
        assert store.etag("t") == etag

    def test_a_read_only_folder_is_read_and_refuses_writes(self, store: FileStore, folder: Path) -> None:
        etag = put(store, b"2", put(store, b"1"))
        no = fails_with(errno.EROFS)

        def refused(*arguments: object, **named: object) -> None:
            no("", lambda: None)

        def read_only(path: str, flags: int, *mode: int) -> int:
            return os.open(path, flags, *mode) if flags & (os.O_RDWR | os.O_CREAT) == 0 else no("", lambda: None)

        changes = dict.fromkeys(("link", "rename", "unlink", "mkdir", "rmdir", "utime"), refused)
        reader = opened(folder, structs.replace(QUICK, open=read_only, **changes))
        newest, oldest = reader.versions("t", 10).versions
        assert reader.get("t") == StoredObject(b"2", etag)
        assert reader.read("t", oldest.etag or "", [(0, 1)], version=oldest.id) == [b"1"]
        assert reader.link("t", 60, "t.lhv1", version=newest.id).endswith("/t.lhv1")
        for change in (lambda: put(reader, b"3", etag), lambda: reader.delete("t", IfMatch(etag))):
            with pytest.raises(FolderRefused, match="read-only"):
                change()

    def test_a_file_system_without_locks_is_refused(self, folder: Path) -> None:
        store = opened(folder, Calls(1, fails_with(errno.ENOLCK), ("flock",)).system())
        with pytest.raises(FolderRefused, match="no locks"):
            put(store, b"rows")

    def test_too_many_open_files_may_pass(self, store: FileStore, folder: Path) -> None:
        put(store, b"rows")
        with pytest.raises(StoreUnavailable, match="EMFILE"):
            opened(folder, Calls(1, fails_with(errno.EMFILE), ("open",)).system()).get("t")


class TestLeftovers:
    def test_a_staged_object_is_removed_after_a_day(self, store: FileStore, folder: Path) -> None:
        for name in ("old", "new"):
            store.stage(f".staging/{name}", [b""])
        age(folder / ".staging/old", seconds=24 * 3600 + 60)
        put(opened(folder), b"")
        assert [path.name for path in (folder / ".staging").iterdir()] == ["new"]

    def test_a_sweep_without_a_write_removes_it_too(self, store: FileStore, folder: Path) -> None:
        store.stage(".staging/export", [b""])
        age(folder / ".staging/export", seconds=24 * 3600 + 60)
        reader = opened(folder)
        reader.sweep()
        assert list((folder / ".staging").iterdir()) == []

    def test_a_file_that_another_process_is_writing_is_left_alone(self, store: FileStore, folder: Path) -> None:
        def parts() -> Iterator[bytes]:
            put(opened(folder), b"")  # another process starts and sweeps
            yield b"rows"

        store.stage(".staging/1", parts())
        assert store.get(".staging/1") == StoredObject(b"rows", store.etag(".staging/1"))

    def test_what_others_put_into_the_folders_of_the_store_never_stops_a_sweep(
        self, store: FileStore, folder: Path
    ) -> None:
        put(store, b"2", put(store, b"1"))
        store.stage(".staging/old", [b""])
        for name in (".temporary", ".staging", ".versions"):
            for number in range(9):
                (folder / name / f"{number}-folder").mkdir()
                (folder / name / f"{number}-file").write_bytes(b"")
        for path in (folder / ".staging").iterdir():
            age(path, seconds=24 * 3600 + 60)
        later = time_ns() + 8 * 24 * 3600 * 10**9
        put(opened(folder, structs.replace(QUICK, time_ns=lambda: later)), b"", name="u")
        assert [path.name for path in (folder / ".temporary").iterdir() if path.is_file()] == []
        assert [path.name for path in (folder / ".staging").iterdir() if path.is_file()] == []
        assert not (folder / ".versions/t").exists()

    def test_a_process_sweeps_once_an_hour(self, folder: Path) -> None:
        now = [0.0]
        store = opened(folder, structs.replace(QUICK, monotonic=lambda: now[0]))
        put(store, b"")
        left = folder / ".temporary/left"
        left.write_bytes(b"")
        put(store, b"", name="u")
        assert left.exists()
        now[0] = 3_601.0
        put(store, b"", name="v")
        assert not left.exists()


class TestLocks:
    def test_a_writer_that_was_stopped_makes_others_give_up_and_say_so(self, store: FileStore, folder: Path) -> None:
        etag = put(store, b"rows")
        now = [0.0]
        other = opened(
            folder, structs.replace(QUICK, monotonic=lambda: now[0], sleep=lambda s: now.__setitem__(0, now[0] + s))
        )
        fds = [os.open(path, os.O_RDWR) for path in (folder / ".locks").iterdir()]
        for fd in fds:
            fcntl.flock(fd, fcntl.LOCK_EX)
        with pytest.raises(WriteConflict):
            put(other, b"more", etag)
        assert 10 <= now[0] < 11
        for fd in fds:
            os.close(fd)
        put(other, b"more", etag)

    def test_a_lock_of_a_file_that_was_removed_before_it_was_locked_excludes_others(
        self, store: FileStore, folder: Path
    ) -> None:
        etag = put(store, b"one")
        [lock] = (folder / ".locks").iterdir()
        removed, seen = lock.stat(), []

        def flock(fd: int, operation: int) -> None:
            if os.path.samestat(os.fstat(fd), removed):
                lock.unlink(missing_ok=True)
            fcntl.flock(fd, operation)

        def rename(source: str, target: str) -> None:
            with lock.open() as file, pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            seen.append(target)
            os.rename(source, target)  # noqa: PTH104

        put(opened(folder, structs.replace(QUICK, flock=flock, rename=rename)), b"two", etag)
        assert seen == [str(folder / "t.lhv1")]

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            (lambda store, etag: put(store, b"theirs", etag), ConditionFailed),
            (lambda store, etag: store.delete("t", IfMatch(etag)), ObjectNotFound),
        ],
        ids=["replaced", "deleted"],
    )
    def test_an_object_that_is_changed_before_its_writer_has_the_lock_is_not_written(
        self, change: Callable[[FileStore, str], object], refusal: type[StoreError], store: FileStore, folder: Path
    ) -> None:
        etag = put(store, b"rows")

        def is_overtaken(name: str, write: Callable[[], int]) -> int:
            change(store, etag)
            return write()

        # Its bytes are written after the first check of the condition, and before the lock.
        late = opened(folder, Calls(1, is_overtaken, ("write",)).system())
        with pytest.raises(refusal):
            put(late, b"ours", etag)

    def test_a_process_that_was_forked_in_a_write_does_not_keep_the_lock(self, folder: Path) -> None:
        inherited: list[int] = []

        def open_and_inherit(path: str, *arguments: int) -> int:
            fd = os.open(path, *arguments)
            if "/.locks/" in path:
                inherited.append(os.dup(fd))
            return fd

        store = opened(folder, structs.replace(QUICK, open=open_and_inherit))
        etag = put(store, b"one")
        put(opened(folder), b"two", etag)
        for fd in inherited:
            os.close(fd)
        assert inherited
