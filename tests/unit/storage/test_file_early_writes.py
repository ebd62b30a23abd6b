"""A part of an object is written by a thread while the caller prepares the others; what fails shows at the write."""

import errno
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec import structs

from tests.support.failing_system import QUICK, Calls, Fault, fails_with
from tests.support.file_stores import opened, put
from vectord.errors import ConditionFailed, FolderRefused
from vectord.storage.base import Data, IfAbsent, IfMatch, StoredObject
from vectord.storage.files.store import FileStore

HEAD, PART, END = b"h" * 100, bytes(range(256)) * 50, b"end"
LARGE = bytes(100 << 20)  # several calls of the thread
WHOLE = [HEAD, PART, END]


def content(store: FileStore) -> bytes:
    stored = store.get("t")
    assert isinstance(stored, StoredObject)
    return stored.data


def put_parts(store: FileStore, parts: list[Data] = WHOLE) -> str:
    return store.put_parts("t", parts, IfAbsent(), "c")


def open_files() -> set[str]:
    return {path.name for path in Path("/dev/fd").iterdir()}


def failing_next(folder: Path, name: str, fault: Fault) -> FileStore:
    """Open the folder; the first such call after that fails."""
    calls = Calls(fault=fault, names=(name,))
    store = opened(folder, calls.system())
    calls.at = len(calls.made) + 1
    return store


def unfinished(folder: Path) -> list[Path]:
    return list((folder / ".temporary").iterdir())


@pytest.mark.parametrize(
    ("parts", "offset"),
    [
        pytest.param(WHOLE, 100, id="between others"),
        pytest.param([HEAD, b"", PART], 100, id="after an empty part"),
        pytest.param([PART, END], 0, id="first"),
        pytest.param([HEAD, PART, b"", PART], 100, id="twice in the object"),
    ],
)
def test_a_part_is_written_once_and_the_others_around_it(
    store: FileStore, folder: Path, parts: list[Data], offset: int
) -> None:
    calls = Calls(names=("write",))
    store = opened(folder, calls.system())
    with store.write_early(PART, offset):
        put_parts(store, parts)
    assert content(store) == b"".join(parts)
    assert len(calls.made) == len([part for part in parts if part])
    assert unfinished(folder) == []


@pytest.mark.slow
def test_a_large_part_is_written_in_several_calls(store: FileStore, folder: Path) -> None:
    part = b"".join(bytes([number]) * (10 << 20) for number in range(10))
    with store.write_early(part, len(HEAD)):
        put_parts(store, [HEAD, part, END])
    assert content(store) == HEAD + part + END


def test_the_crc32_of_the_part_is_known_to_its_thread(store: FileStore) -> None:
    """The store does not read the part again: the memory has changed since."""
    part, before = bytearray(PART), zlib.crc32(HEAD)
    with store.write_early(memoryview(part), len(HEAD)) as crc32:
        assert crc32() == zlib.crc32(PART)
        part[:4] = b"more"
        assert store.crc32(memoryview(part), before) == zlib.crc32(HEAD + PART)
        assert store.crc32(bytes(part), before) == zlib.crc32(HEAD + part)
        assert store.crc32(END) == zlib.crc32(END)
        assert of_another_thread(lambda: store.crc32(memoryview(part))) == zlib.crc32(part)
    assert store.crc32(memoryview(part)) == zlib.crc32(part)


def of_another_thread(work: Callable[[], int]) -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def test_the_crc32_is_computed_where_the_part_cannot_be_written(folder: Path) -> None:
    with failing_next(folder, "open", fails_with(errno.EIO)).write_early(PART, 100) as crc32:
        assert crc32() == zlib.crc32(PART)


def test_the_bytes_that_an_object_lacks_before_the_part_are_counted(store: FileStore) -> None:
    with store.write_early(PART, 150):
        assert store.missing_bytes(WHOLE) == 50
        assert store.missing_bytes([HEAD, b" " * 50, PART]) == 0
        assert store.missing_bytes([b"h" * 151, PART]) == 0
        assert store.missing_bytes([HEAD, END]) == 0
    assert store.missing_bytes(WHOLE) == 0


@pytest.mark.parametrize(
    ("parts", "offset"),
    [
        pytest.param(WHOLE, 99, id="the parts before it are too long"),
        pytest.param(WHOLE, 101, id="the parts before it are too short"),
        pytest.param(WHOLE, 20_000, id="the part would be behind the object"),
        pytest.param([HEAD, bytearray(PART), END], 100, id="equal bytes in other memory"),
        pytest.param([HEAD, memoryview(PART)[:-1], END], 100, id="a part of the memory"),
        pytest.param([HEAD], 100, id="another object"),
    ],
)
def test_an_object_without_the_part_in_its_place_is_written_as_a_whole(
    store: FileStore, folder: Path, parts: list[Data], offset: int
) -> None:
    with store.write_early(PART, offset):
        put_parts(store, parts)
    assert content(store) == b"".join(parts)
    assert unfinished(folder) == []


def test_another_thread_does_not_use_the_part(store: FileStore, folder: Path) -> None:
    calls = Calls(names=("write",))
    store = opened(folder, calls.system())
    with store.write_early(PART, 100):
        while not calls.made:  # until the part has been written early
            time.sleep(0.001)
        other = threading.Thread(target=put_parts, args=(store,))
        other.start()
        other.join()
    assert content(store) == HEAD + PART + END
    assert len(calls.made) == 4


def test_after_a_refused_write_the_next_one_writes_the_part_again(store: FileStore, folder: Path) -> None:
    etag = put(store, b"old")
    with store.write_early(PART, 100):
        with pytest.raises(ConditionFailed):
            put_parts(store)
        store.put_parts("t", WHOLE, IfMatch(etag), "c")
    assert content(store) == HEAD + PART + END
    assert unfinished(folder) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_block_that_fails_leaves_nothing_open(store: FileStore, folder: Path, error: type[BaseException]) -> None:
    put(store, b"old")
    threads, files = threading.active_count(), open_files()
    with pytest.raises(error), store.write_early(PART, 100):
        raise error
    assert (threading.active_count(), open_files()) == (threads, files)
    assert unfinished(folder) == []
    assert content(store) == b"old"


def test_the_end_of_the_block_stops_the_thread_after_its_present_call(folder: Path) -> None:
    writing, ended, sizes = threading.Event(), threading.Event(), list[int]()

    def write(fd: int, data: memoryview) -> int:
        sizes.append(len(data))
        writing.set()
        assert ended.wait(10)
        return len(data)

    store = opened(folder, structs.replace(QUICK, write=write))
    with store.write_early(LARGE, 0):
        assert writing.wait(10)
        threading.Timer(0.05, ended.set).start()
    assert len(sizes) == 1


@pytest.mark.parametrize(
    ("call", "fail"),
    [
        ("write", fails_with(errno.ENOSPC)),
        ("lseek", fails_with(errno.EIO)),
        ("fsync", fails_with(errno.EIO)),
    ],
)
def test_the_write_of_the_object_reports_what_failed_in_the_thread(
    store: FileStore, folder: Path, call: str, fail: Fault
) -> None:
    put(store, b"old")
    failing = failing_next(folder, call, fail)
    with failing.write_early(PART, 100):
        with pytest.raises(FolderRefused, match="nothing was changed"):
            failing.put_parts("t", WHOLE, IfMatch(failing.etag("t")), "c")
        assert content(failing) == b"old"
        failing.put_parts("t", WHOLE, IfMatch(failing.etag("t")), "c")
    assert content(store) == HEAD + PART + END
    assert unfinished(folder) == []


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_an_error_of_any_sync_is_reported(folder: Path, number: int) -> None:
    """The kernel reports a failure of the disk once, and later syncs of the same file succeed."""
    calls = Calls(fault=fails_with(errno.EIO), names=("fsync",), system=structs.replace(QUICK, write=pretended))
    store = opened(folder, calls.system())
    calls.at = len(calls.made) + number
    with store.write_early(LARGE, 0), pytest.raises(FolderRefused, match="nothing was changed"):
        put_parts(store, [LARGE])
    assert store.list("", 10, None).objects == ()


def pretended(_fd: int, data: memoryview) -> int:
    return len(data)


@pytest.mark.parametrize("call", ["open", "flock", "dup", "write", "fsync"])
def test_what_fails_in_the_thread_is_not_an_error_of_a_block_that_writes_nothing(
    store: FileStore, folder: Path, call: str
) -> None:
    put(store, b"old")
    failing = failing_next(folder, call, fails_with(errno.EIO))
    with failing.write_early(PART, 100):
        pass
    assert unfinished(folder) == []


def test_a_sweep_leaves_a_part_that_is_being_written(store: FileStore, folder: Path) -> None:
    with store.write_early(PART, 100):
        opened(folder).sweep()
        put_parts(store)
    assert content(store) == HEAD + PART + END
