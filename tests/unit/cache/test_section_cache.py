"""The least recently used files go when there are too many bytes or files; what a search holds stays valid."""

import gc
import os
import shutil
import weakref
from pathlib import Path

import pytest

from tests.support.filled import PLENTY, SIZE, content, entry, fill, present
from tests.support.full_disk import FullDisk
from vectord.cache.page_map import PAGE
from vectord.cache.section_cache import SectionCache
from vectord.errors import BlobCorrupt


def test_used_is_what_is_present_and_not_the_size(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, PLENTY)
    fill(files, "a", pages=1)
    fill(files, "b", pages=2)
    assert files.used == 3 * PAGE


@pytest.mark.parametrize("touch", ["open", "missing", "write"])
def test_the_least_recently_used_file_goes_first(tmp_path: Path, touch: str) -> None:
    files = SectionCache(tmp_path, 2 * SIZE)
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
    files = SectionCache(tmp_path, SIZE - 1)
    fill(files, "a", pages=1)
    assert fill(files, "b").whole
    assert (files.used, present(files, "a")) == (SIZE, False)


def test_a_file_that_holds_nothing_yet_is_not_evicted(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, SIZE)
    opened = files.open(entry("a"))
    fill(files, "b")
    fill(files, "c")
    assert files.open(entry("a")) is opened


def test_of_more_files_than_may_be_open_the_least_recently_used_goes(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, PLENTY, max_open=2)
    for ident in "abac":
        fill(files, ident, pages=3)
    assert (len(list(tmp_path.iterdir())), present(files, "a"), present(files, "b")) == (2, True, False)


def test_adopted_files_are_open_ones(tmp_path: Path) -> None:
    earlier = SectionCache(tmp_path / "earlier", PLENTY)
    for ident in "abc":
        fill(earlier, ident)
    files = SectionCache(shutil.copytree(tmp_path / "earlier", tmp_path / "now"), PLENTY, max_open=2)
    opened = [files.open(entry(ident)) for ident in "abc"]
    assert [files.contains(file) for file in opened] == [False, True, True]


def test_what_lies_in_memory_is_no_open_file(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, PLENTY, FullDisk(tmp_path, 0).calls(), max_open=1)
    assert [files.contains(fill(files, ident)) for ident in "ab"] == [True, True]


def test_a_file_that_holds_nothing_is_known_as_long_as_somebody_has_it(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, PLENTY)
    opened = weakref.ref(files.open(entry("a")))
    gc.collect()
    assert opened() is None


def test_a_file_that_holds_bytes_is_kept_though_nobody_has_it(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, PLENTY)
    opened = weakref.ref(fill(files, "a", pages=1))
    gc.collect()
    assert opened() is files.open(entry("a"))


def test_an_evicted_file_leaves_the_folder(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, SIZE)
    fill(files, "a")
    b = fill(files, "b")
    assert list(tmp_path.iterdir()) == [b.path]


def test_an_evicted_file_works_on_for_who_holds_it_and_stays_out(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, SIZE)
    held = fill(files, "a", pages=2)
    before = held.buffer
    fill(files, "b")
    assert held.missing(None) == [(2 * PAGE, SIZE)]
    held.write(2 * PAGE, content("a")[2 * PAGE :])
    assert (held.whole, held.path, before.tobytes()) == (True, None, content("a"))
    assert files.open(entry("a")) is not held
    assert files.used == SIZE


def test_finished_files_that_nobody_opened_count_and_go_first(tmp_path: Path) -> None:
    fill(SectionCache(tmp_path / "earlier", PLENTY), "a")
    folder = shutil.copytree(tmp_path / "earlier", tmp_path / "now")  # as if the process that holds them had gone
    files = SectionCache(folder, 2 * SIZE)
    assert files.used == SIZE
    fill(files, "b")
    fill(files, "c")
    assert (files.used, present(files, "a"), present(files, "b")) == (2 * SIZE, False, True)


@pytest.mark.parametrize("oldest_last", ["abcdef", "fedcba"])
def test_of_unopened_files_the_oldest_goes_first(tmp_path: Path, oldest_last: str) -> None:
    earlier = SectionCache(tmp_path / "earlier", PLENTY)
    for age, ident in enumerate(oldest_last):
        path = fill(earlier, ident).path
        assert path is not None
        os.utime(path, (1_000 - age, 1_000 - age))
    files = SectionCache(shutil.copytree(tmp_path / "earlier", tmp_path / "now"), 4 * SIZE)
    fill(files, "x")
    assert [files.open(entry(ident)).whole for ident in oldest_last] == [True, True, True, False, False, False]


def test_a_file_that_another_process_finished_meanwhile_counts_once_adopted(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, SIZE)
    fill(files, "a")
    fill(SectionCache(tmp_path, PLENTY), "b")
    assert files.open(entry("b")).whole
    assert (files.used, present(files, "a")) == (SIZE, False)


def test_wrong_bytes_of_an_evicted_file_leave_its_successor_alone(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, SIZE)
    evicted = fill(files, "a", pages=2)
    fill(files, "b")
    successor = files.open(entry("a"))
    with pytest.raises(BlobCorrupt):
        evicted.write(2 * PAGE, bytes(2 * PAGE))
    assert files.open(entry("a")) is successor


def test_a_file_that_another_process_uses_is_not_removed(tmp_path: Path) -> None:
    other = fill(SectionCache(tmp_path, PLENTY), "a")
    files = SectionCache(tmp_path, 0)
    fill(files, "b")
    assert other.path is not None
    assert other.path.exists()
