"""Any system call may fail: the store reports a typed error, has the old or the new state, and leaves no garbage."""

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec import structs

from tests.support.failing_system import CALLS, QUICK, Calls, Durability, Fault, fails_after_it, fails_with
from tests.support.folder_states import (
    CASES,
    HEAD,
    SHARD,
    Case,
    State,
    filled,
    garbage,
    opened,
    state_of,
)
from tests.support.object_versions import NEW
from vectord.errors import FolderRefused, ObjectNotFound, StoreError, StoreUnavailable
from vectord.storage.base import IfAbsent, StoredObject

FAULTS = {
    **{errno.errorcode[code]: fails_with(code) for code in (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EMFILE)},
    "EIO after it was done": fails_after_it,
}
# An early write has the most calls of the system.
each_case = pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=name, marks=[pytest.mark.slow] if name.startswith("early write") else [])
        for name, case in CASES.items()
    ],
)


@pytest.fixture
def before(tmp_path: Path) -> State:
    return filled(tmp_path / "before")


def faulted(
    folder: Path, case: Case, fault: Fault, names: tuple[str, ...] = CALLS
) -> Iterator[tuple[Path, str, StoreError | None]]:
    """Let each call in turn meet the fault, each in a copy of the folder; yield the copy, the call and the error."""
    for at in range(1, 1_000):
        copy = folder / str(at)
        shutil.copytree(folder / "before", copy)
        calls, reported = Calls(at, fault, names), None
        try:
            case.change(opened(copy, calls.system()))
        except StoreError as error:
            reported = error
        if calls.failed is None:
            assert reported is None
            assert at > 1
            return
        yield copy, calls.failed, reported
        shutil.rmtree(copy)


@pytest.mark.slow
@each_case
@pytest.mark.parametrize(
    "fault",
    [  # the store knows two classes of errors: a refusal, as ENOSPC, and others, as EIO
        pytest.param(fault, id=name, marks=[pytest.mark.slow] if name in {"EACCES", "EMFILE"} else [])
        for name, fault in FAULTS.items()
    ],
)
def test_a_call_that_fails_is_reported_and_leaves_the_old_or_the_new_state(
    case: Case, fault: Fault, before: State, tmp_path: Path
) -> None:
    for folder, call, reported in faulted(tmp_path, case, fault):
        after, outcome = state_of(folder), case.outcome(before)
        if reported is None:  # the call did not matter to the change
            assert after == outcome, call
        elif isinstance(reported, StoreUnavailable):  # the caller reads the state and finds out
            assert after in (before, outcome), call
        else:
            assert after == before, call
        assert case.has_versions(folder, after), call
        assert garbage(folder) == set(), call


WRITES = ("write", "copy_file_range", "fsync", "mkdir", "link", "rename", "utime")
CODES = {
    "is full": (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    "read-only": (errno.EROFS, errno.EACCES, errno.EPERM),
    "input/output error": (errno.EIO,),
}


@pytest.mark.parametrize(("words", "code"), [(words, code) for words, codes in CODES.items() for code in codes])
def test_the_error_says_what_to_do_and_that_nothing_was_changed(
    words: str, code: int, before: State, tmp_path: Path
) -> None:
    store = opened(tmp_path / "before", Calls(1, fails_with(code), ("write",)).system())
    with pytest.raises(FolderRefused, match=words) as caught:
        store.put("u", b"new", IfAbsent(), "c")
    assert "nothing was changed" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_disk_is_full_at_each_write_of_a_large_object_and_no_byte_stays(before: State, tmp_path: Path) -> None:
    for folder, _, reported in faulted(tmp_path, CASES["splice"], fails_with(errno.ENOSPC), WRITES):
        assert reported is not None
        assert list((folder / ".temporary").iterdir()) == []


@pytest.mark.parametrize("most", [1, 7, 400])
def test_calls_that_write_or_copy_only_a_part_are_continued(most: int, before: State, tmp_path: Path) -> None:
    system = structs.replace(
        QUICK,
        write=lambda fd, data: os.write(fd, data[:most]),
        copy_file_range=lambda source, target, count, start: os.copy_file_range(
            source, target, min(count, most), start
        ),
        pread=lambda fd, count, start: os.pread(fd, min(count, most), start),
    )
    store = opened(tmp_path / "before", system)
    CASES["splice"].change(store)
    assert state_of(tmp_path / "before") == CASES["splice"].outcome(before)
    assert store.get("t") == StoredObject(HEAD + NEW, store.etag("t"))


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, None])
@pytest.mark.parametrize("at", [1, 2])
def test_where_the_kernel_cannot_copy_the_bytes_are_read_and_written(
    code: int | None, at: int, before: State, tmp_path: Path
) -> None:
    """Some file systems fail, some copy nothing, and some do so after a part."""
    calls = 0

    def copy(source: int, target: int, count: int, start: int) -> int:
        nonlocal calls
        calls += 1
        if calls < at:
            return os.copy_file_range(source, target, 100, start)
        if code is None:
            return 0
        raise OSError(code, os.strerror(code))

    CASES["splice"].change(opened(tmp_path / "before", structs.replace(QUICK, copy_file_range=copy)))
    assert state_of(tmp_path / "before") == CASES["splice"].outcome(before)


@pytest.mark.parametrize("name", [name for name in CASES if name != "discard"])
def test_no_read_confirms_a_change_that_the_disk_has_not_confirmed(name: str, before: State, tmp_path: Path) -> None:
    """A commit loop that finds its own commit takes it as done, so it must not find it before."""
    broken = False

    def fsync(fd: int) -> None:
        if broken and stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    store = opened(tmp_path / "before", structs.replace(QUICK, fsync=fsync))
    store.put(f"{SHARD[:-1]}1", b"", IfAbsent(), "c")  # makes the folders of the shards
    broken = True
    with pytest.raises(StoreUnavailable):
        CASES[name].change(store)
    reads: list[Callable[[str], object]] = [store.etag, store.get, lambda name: store.head(name, 1)]
    for read in reads:
        with pytest.raises(StoreUnavailable):
            read("t")
    broken = False
    with suppress(ObjectNotFound):
        store.etag("t")
    assert state_of(tmp_path / "before") == CASES[name].outcome(before)


def test_every_name_is_durable_before_a_change_is_reported(tmp_path: Path) -> None:
    for name in CASES.keys() - {"discard"}:  # a staged object that comes back is removed after a day
        folder = tmp_path / name
        filled(folder)
        disk = Durability()
        CASES[name].change(opened(folder, disk.system()))
        assert disk.mistakes == [], name
        assert {path for path in disk.unsynced if "/.temporary" not in path} == set(), name
