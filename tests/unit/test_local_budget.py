"""The least recently used files go when the budget or the disk is full; what a search holds stays valid."""

import errno
import os
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from vectord.errors import BlobCorrupt
from vectord.frame import SectionEntry
from vectord.local import PAGE, LocalFile, LocalFiles
from vectord.local.backing import Disk

SIZE = 4 * PAGE
PLENTY = 1 << 30


def content(ident: str) -> bytes:
    return np.random.default_rng(ident.encode()[0]).bytes(SIZE)


def entry(ident: str) -> SectionEntry:
    return SectionEntry("rows", SIZE, f"{zlib.crc32(content(ident)):08x}", ident)


def fill(files: LocalFiles, ident: str, pages: int = 4) -> LocalFile:
    section = files.open(entry(ident))
    section.write(0, content(ident)[: pages * PAGE])
    return section


def present(files: LocalFiles, ident: str) -> bool:
    return not files.open(entry(ident)).missing([(0, PAGE)])


def test_used_is_what_is_present_and_not_the_size(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path, PLENTY)
    fill(files, "a", pages=1)
    fill(files, "b", pages=2)
    assert files.used == 3 * PAGE


@pytest.mark.parametrize("touch", ["open", "missing", "write"])
def test_the_least_recently_used_file_goes_first(tmp_path: Path, touch: str) -> None:
    files = LocalFiles(tmp_path, 2 * SIZE)
    a = fill(files, "a", pages=2)
    fill(files, "b")
    if touch == "open":
        files.open(entry("a"))
    elif touch == "missing":
        a.missing([(0, 1)])
    else:
        a.write(2 * PAGE, content("a")[2 * PAGE : 3 * PAGE])
    fill(files, "c")
    assert (present(files, "a"), present(files, "b"), present(files, "c")) == (True, False, True)


def test_a_file_of_more_than_the_budget_is_kept_alone(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path, SIZE - 1)
    fill(files, "a", pages=1)
    assert fill(files, "b").whole
    assert (files.used, present(files, "a")) == (SIZE, False)


def test_a_file_that_holds_nothing_yet_is_not_evicted(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path, SIZE)
    opened = files.open(entry("a"))
    fill(files, "b")
    fill(files, "c")
    assert files.open(entry("a")) is opened


def test_of_more_files_than_may_be_open_the_least_recently_used_goes(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path, PLENTY, most=2)
    for ident in "abac":
        fill(files, ident, pages=3)
    assert (len(list(tmp_path.iterdir())), present(files, "a"), present(files, "b")) == (2, True, False)


def test_adopted_files_are_open_ones(tmp_path: Path) -> None:
    earlier = LocalFiles(tmp_path / "earlier", PLENTY)
    for ident in "abc":
        fill(earlier, ident)
    files = LocalFiles(shutil.copytree(tmp_path / "earlier", tmp_path / "now"), PLENTY, most=2)
    opened = [files.open(entry(ident)) for ident in "abc"]
    assert [files.holds(file) for file in opened] == [False, True, True]


def test_what_lies_in_memory_is_no_open_file(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path, PLENTY, FullDisk(tmp_path, 0).calls(), most=1)
    assert [files.holds(fill(files, ident)) for ident in "ab"] == [True, True]


def test_an_evicted_file_leaves_the_folder(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path, SIZE)
    fill(files, "a")
    b = fill(files, "b")
    assert list(tmp_path.iterdir()) == [b.path]


def test_an_evicted_file_works_on_for_who_holds_it_and_stays_out(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path, SIZE)
    held = fill(files, "a", pages=2)
    before = held.buffer
    fill(files, "b")
    assert held.missing(None) == [(2 * PAGE, SIZE)]
    held.write(2 * PAGE, content("a")[2 * PAGE :])
    assert (held.whole, held.path, before.tobytes()) == (True, None, content("a"))
    assert files.open(entry("a")) is not held
    assert files.used == SIZE


def test_finished_files_that_nobody_opened_count_and_go_first(tmp_path: Path) -> None:
    fill(LocalFiles(tmp_path / "earlier", PLENTY), "a")
    folder = shutil.copytree(tmp_path / "earlier", tmp_path / "now")  # as if the process that holds them had gone
    files = LocalFiles(folder, 2 * SIZE)
    assert files.used == SIZE
    fill(files, "b")
    fill(files, "c")
    assert (files.used, present(files, "a"), present(files, "b")) == (2 * SIZE, False, True)


@pytest.mark.parametrize("oldest_last", ["abcdef", "fedcba"])
def test_of_unopened_files_the_oldest_goes_first(tmp_path: Path, oldest_last: str) -> None:
    earlier = LocalFiles(tmp_path / "earlier", PLENTY)
    for age, ident in enumerate(oldest_last):
        path = fill(earlier, ident).path
        assert path is not None
        os.utime(path, (1_000 - age, 1_000 - age))
    files = LocalFiles(shutil.copytree(tmp_path / "earlier", tmp_path / "now"), 4 * SIZE)
    fill(files, "x")
    assert [files.open(entry(ident)).whole for ident in oldest_last] == [True, True, True, False, False, False]


def test_a_file_that_another_process_finished_meanwhile_counts_once_adopted(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path, SIZE)
    fill(files, "a")
    fill(LocalFiles(tmp_path, PLENTY), "b")
    assert files.open(entry("b")).whole
    assert (files.used, present(files, "a")) == (SIZE, False)


def test_wrong_bytes_of_an_evicted_file_leave_its_successor_alone(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path, SIZE)
    evicted = fill(files, "a", pages=2)
    fill(files, "b")
    successor = files.open(entry("a"))
    with pytest.raises(BlobCorrupt):
        evicted.write(2 * PAGE, bytes(2 * PAGE))
    assert files.open(entry("a")) is successor


def test_a_file_that_another_process_uses_is_not_removed(tmp_path: Path) -> None:
    other = fill(LocalFiles(tmp_path, PLENTY), "a")
    files = LocalFiles(tmp_path, 0)
    fill(files, "b")
    assert other.path is not None
    assert other.path.exists()


@dataclass
class FullDisk:
    """A disk that holds `pages` pages in `folder`; it fails like a full one, after it wrote what still fits."""

    folder: Path
    pages: int
    error: int = errno.ENOSPC

    def pwrite(self, fd: int, data: memoryview, start: int) -> int:
        taken = sum(file.stat().st_blocks * 512 for file in self.folder.iterdir())
        fits = min(len(data), self.pages * PAGE - taken)
        if fits <= 0:
            raise OSError(self.error, os.strerror(self.error))
        return os.pwrite(fd, data[:fits], start)

    def calls(self) -> Disk:
        return Disk(pwrite=self.pwrite)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_costs_the_least_recently_used_others(tmp_path: Path, error: int) -> None:
    files = LocalFiles(tmp_path, PLENTY, FullDisk(tmp_path, 9, error).calls())
    fill(files, "a")
    fill(files, "b")
    assert fill(files, "c").path is not None
    assert (present(files, "a"), present(files, "b"), present(files, "c")) == (False, True, True)


def test_a_section_that_no_disk_has_room_for_lies_in_memory(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path, PLENTY, FullDisk(tmp_path, 3).calls())
    section = fill(files, "a", pages=2)
    section.write(2 * PAGE, content("a")[2 * PAGE :])
    assert (section.whole, section.path, section.buffer.tobytes()) == (True, None, content("a"))
    assert not section.buffer.flags.writeable
    assert (list(tmp_path.iterdir()), files.open(entry("a")) is section) == ([], True)


def test_a_disk_that_refuses_the_file_itself_means_memory(tmp_path: Path) -> None:
    def refuse(_fd: int, _size: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    section = fill(LocalFiles(tmp_path, PLENTY, Disk(ftruncate=refuse)), "a")
    assert (section.whole, section.path, list(tmp_path.iterdir())) == (True, None, [])


def test_a_disk_that_refuses_the_file_itself_first_costs_others(tmp_path: Path) -> None:
    def one_file(fd: int, size: int) -> None:
        if len(list(tmp_path.iterdir())) > 1:
            raise OSError(errno.ENOSPC, "full")
        os.ftruncate(fd, size)

    files = LocalFiles(tmp_path, PLENTY, Disk(ftruncate=one_file))
    fill(files, "a")
    assert fill(files, "b").path is not None
    assert not present(files, "a")


def test_a_section_in_memory_is_not_given_up_for_disk_space(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path, PLENTY, FullDisk(tmp_path, 0).calls())
    fill(files, "a")
    fill(files, "b")
    assert (present(files, "a"), present(files, "b")) == (True, True)


def test_a_section_in_memory_counts_and_goes_for_the_budget(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path, SIZE, FullDisk(tmp_path, 0).calls())
    fill(files, "a")
    fill(files, "b")
    assert (files.used, present(files, "a")) == (SIZE, False)


def test_a_piece_written_while_the_section_moves_to_memory_is_not_lost(tmp_path: Path) -> None:
    def pwrite(fd: int, data: memoryview, start: int) -> int:
        if start == 0:
            raise OSError(errno.ENOSPC, "full")
        done = os.pwrite(fd, data, start)
        section.write(0, content("a")[:PAGE])  # what another thread would do now: it moves the section to memory
        return done

    section = LocalFiles(tmp_path, PLENTY, Disk(pwrite=pwrite)).open(entry("a"))
    section.write(PAGE, content("a")[PAGE : 2 * PAGE])
    assert (section.path, section.missing(None)) == (None, [(2 * PAGE, SIZE)])
    assert section.buffer[: 2 * PAGE].tobytes() == content("a")[: 2 * PAGE]


def test_a_disk_that_is_broken_is_an_error(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path, PLENTY, FullDisk(tmp_path, 0, errno.EIO).calls())
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
        files = LocalFiles(tmp_path, PLENTY)
        fill(files, "a")
        b = fill(files, "b")
        assert (b.path is not None, present(files, "a")) == (True, False)
        (tmp_path / "of somebody else").write_bytes(bytes(2 * PAGE))
        held = b  # its space is not freed by eviction while it is held
        c = fill(files, "c")
        assert (c.whole, c.path, c.buffer.tobytes()) == (True, None, content("c"))
        assert held.buffer.tobytes() == content("b")


def test_holes_of_a_full_disk_are_left_alone(tmp_path: Path) -> None:
    with tmpfs(tmp_path, 2):
        files = LocalFiles(tmp_path, PLENTY)
        section = files.open(entry("a"))
        section.write(3 * PAGE, content("a")[3 * PAGE :])
        section.write(0, content("a")[: 3 * PAGE])  # moves the page that is present, and touches no other
        assert (section.whole, section.path, section.buffer.tobytes()) == (True, None, content("a"))
