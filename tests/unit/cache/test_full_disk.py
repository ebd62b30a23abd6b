"""On a full disk the least recently used files are evicted; if that is not enough, memory is used."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.full_disk import FullDisk
from tests.support.section_files import PLENTY, SIZE, content, entry, fill, present
from vectord.cache.backing import Disk
from vectord.cache.section_cache import SectionCache
from vectord.cache.section_file import PAGE


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_evicts_the_least_recently_used_file(tmp_path: Path, error: int) -> None:
    files = SectionCache(tmp_path, PLENTY, FullDisk(tmp_path, 9, error).calls())
    fill(files, "a")
    fill(files, "b")
    assert fill(files, "c").path is not None
    assert (present(files, "a"), present(files, "b"), present(files, "c")) == (False, True, True)


def test_a_section_larger_than_the_disk_moves_to_memory(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, PLENTY, FullDisk(tmp_path, 3).calls())
    section = fill(files, "a", pages=2)
    section.write(2 * PAGE, content("a")[2 * PAGE :])
    assert (section.whole, section.path, section.buffer.tobytes()) == (True, None, content("a"))
    assert not section.buffer.flags.writeable
    assert (list(tmp_path.iterdir()), files.open(entry("a")) is section) == ([], True)


def test_a_section_is_in_memory_if_its_file_cannot_be_created(tmp_path: Path) -> None:
    def refuse(_fd: int, _size: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    section = fill(SectionCache(tmp_path, PLENTY, Disk(ftruncate=refuse)), "a")
    assert (section.whole, section.path, list(tmp_path.iterdir())) == (True, None, [])


def test_others_are_evicted_if_a_file_cannot_be_created(tmp_path: Path) -> None:
    def one_file(fd: int, size: int) -> None:
        if len(list(tmp_path.iterdir())) > 1:
            raise OSError(errno.ENOSPC, "full")
        os.ftruncate(fd, size)

    files = SectionCache(tmp_path, PLENTY, Disk(ftruncate=one_file))
    fill(files, "a")
    assert fill(files, "b").path is not None
    assert not present(files, "a")


def test_a_section_in_memory_is_not_evicted_for_disk_space(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, PLENTY, FullDisk(tmp_path, 0).calls())
    fill(files, "a")
    fill(files, "b")
    assert (present(files, "a"), present(files, "b")) == (True, True)


def test_a_section_in_memory_counts_toward_the_budget(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, SIZE, FullDisk(tmp_path, 0).calls())
    fill(files, "a")
    fill(files, "b")
    assert (files.used, present(files, "a")) == (SIZE, False)


def test_a_write_during_the_move_to_memory_is_not_lost(tmp_path: Path) -> None:
    def pwrite(fd: int, data: memoryview, start: int) -> int:
        if start == 0:
            raise OSError(errno.ENOSPC, "full")
        done = os.pwrite(fd, data, start)
        section.write(0, content("a")[:PAGE])  # what another thread would do now: it moves the section to memory
        return done

    section = SectionCache(tmp_path, PLENTY, Disk(pwrite=pwrite)).open(entry("a"))
    section.write(PAGE, content("a")[PAGE : 2 * PAGE])
    assert (section.path, section.missing(None)) == (None, [(2 * PAGE, SIZE)])
    assert section.buffer[: 2 * PAGE].tobytes() == content("a")[: 2 * PAGE]


def test_another_disk_error_is_raised(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, PLENTY, FullDisk(tmp_path, 0, errno.EIO).calls())
    with pytest.raises(OSError, match="Input/output error"):
        fill(files, "a")


@contextmanager
def tmpfs(folder: Path, pages: int) -> Iterator[None]:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={pages * PAGE}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, check=False, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no mount here")
    if done.returncode:
        pytest.skip("mounting needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_real_full_disk_evicts_and_then_falls_back_to_memory(tmp_path: Path) -> None:
    with tmpfs(tmp_path, 6):
        files = SectionCache(tmp_path, PLENTY)
        fill(files, "a")
        b = fill(files, "b")
        assert (b.path is not None, present(files, "a")) == (True, False)
        (tmp_path / "another file").write_bytes(bytes(2 * PAGE))
        in_use = b  # eviction does not free its space while it is used
        c = fill(files, "c")
        assert (c.whole, c.path, c.buffer.tobytes()) == (True, None, content("c"))
        assert in_use.buffer.tobytes() == content("b")


def test_holes_in_a_file_are_not_read_on_a_full_disk(tmp_path: Path) -> None:
    with tmpfs(tmp_path, 2):
        files = SectionCache(tmp_path, PLENTY)
        section = files.open(entry("a"))
        section.write(3 * PAGE, content("a")[3 * PAGE :])
        section.write(0, content("a")[: 3 * PAGE])  # moves the page that is present, and touches no other
        assert (section.whole, section.path, section.buffer.tobytes()) == (True, None, content("a"))
