"""The least recently used files are evicted beyond the bounds; a file stays valid while a search uses it."""

import gc
import os
import shutil
import weakref
from pathlib import Path

import pytest

from tests.support.full_disk import FullDisk
from tests.support.section_files import PLENTY, SIZE, content, entry, fill, present
from vectord.cache.section_cache import SectionCache
from vectord.cache.section_file import PAGE
from vectord.errors import BlobCorrupt


def test_used_counts_present_bytes(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, PLENTY)
    fill(files, "a", pages=1)
    fill(files, "b", pages=2)
    assert files.used == 3 * PAGE


@pytest.mark.parametrize("touch", ["open", "missing", "write"])
def test_the_least_recently_used_file_is_evicted_first(tmp_path: Path, touch: str) -> None:
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


def test_a_file_larger_than_the_budget_is_the_only_one(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, SIZE - 1)
    fill(files, "a", pages=1)
    assert fill(files, "b").whole
    assert (files.used, present(files, "a")) == (SIZE, False)


def test_an_empty_file_is_not_evicted(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, SIZE)
    opened = files.open(entry("a"))
    fill(files, "b")
    fill(files, "c")
    assert files.open(entry("a")) is opened


def test_the_number_of_open_files_is_bounded(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, PLENTY, max_open=2)
    for ident in "abac":
        fill(files, ident, pages=3)
    assert (len(list(tmp_path.iterdir())), present(files, "a"), present(files, "b")) == (2, True, False)


def test_adopted_files_count_as_open(tmp_path: Path) -> None:
    earlier = SectionCache(tmp_path / "earlier", PLENTY)
    for ident in "abc":
        fill(earlier, ident)
    files = SectionCache(shutil.copytree(tmp_path / "earlier", tmp_path / "now"), PLENTY, max_open=2)
    opened = [files.open(entry(ident)) for ident in "abc"]
    assert [files.contains(file) for file in opened] == [False, True, True]


def test_sections_in_memory_do_not_count_as_open(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, PLENTY, FullDisk(tmp_path, 0).calls(), max_open=1)
    assert [files.contains(fill(files, ident)) for ident in "ab"] == [True, True]


def test_an_empty_file_is_forgotten_with_its_last_user(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, PLENTY)
    opened = weakref.ref(files.open(entry("a")))
    gc.collect()
    assert opened() is None


def test_a_file_with_bytes_is_kept_without_users(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, PLENTY)
    opened = weakref.ref(fill(files, "a", pages=1))
    gc.collect()
    assert opened() is files.open(entry("a"))


def test_an_evicted_file_is_removed_from_the_folder(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, SIZE)
    fill(files, "a")
    b = fill(files, "b")
    assert list(tmp_path.iterdir()) == [b.path]


def test_an_evicted_file_stays_usable_and_is_not_cached_again(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, SIZE)
    evicted = fill(files, "a", pages=2)
    before = evicted.buffer
    fill(files, "b")
    assert evicted.missing(None) == [(2 * PAGE, SIZE)]
    evicted.write(2 * PAGE, content("a")[2 * PAGE :])
    assert (evicted.whole, evicted.path, before.tobytes()) == (True, None, content("a"))
    assert files.open(entry("a")) is not evicted
    assert files.used == SIZE


def test_unopened_files_count_and_are_evicted_first(tmp_path: Path) -> None:
    fill(SectionCache(tmp_path / "earlier", PLENTY), "a")
    folder = shutil.copytree(tmp_path / "earlier", tmp_path / "now")  # as if the process that has locked them had ended
    files = SectionCache(folder, 2 * SIZE)
    assert files.used == SIZE
    fill(files, "b")
    fill(files, "c")
    assert (files.used, present(files, "a"), present(files, "b")) == (2 * SIZE, False, True)


@pytest.mark.parametrize("oldest_last", ["abcdef", "fedcba"])
def test_the_oldest_unopened_file_is_evicted_first(tmp_path: Path, oldest_last: str) -> None:
    earlier = SectionCache(tmp_path / "earlier", PLENTY)
    for age, ident in enumerate(oldest_last):
        path = fill(earlier, ident).path
        assert path is not None
        os.utime(path, (1_000 - age, 1_000 - age))
    files = SectionCache(shutil.copytree(tmp_path / "earlier", tmp_path / "now"), 4 * SIZE)
    fill(files, "x")
    assert [files.open(entry(ident)).whole for ident in oldest_last] == [True, True, True, False, False, False]


def test_a_file_adopted_from_another_process_counts(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, SIZE)
    fill(files, "a")
    fill(SectionCache(tmp_path, PLENTY), "b")
    assert files.open(entry("b")).whole
    assert (files.used, present(files, "a")) == (SIZE, False)


def test_wrong_bytes_in_an_evicted_file_do_not_affect_its_successor(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, SIZE)
    evicted = fill(files, "a", pages=2)
    fill(files, "b")
    successor = files.open(entry("a"))
    with pytest.raises(BlobCorrupt):
        evicted.write(2 * PAGE, bytes(2 * PAGE))
    assert files.open(entry("a")) is successor


def test_a_file_in_use_by_another_process_is_not_removed(tmp_path: Path) -> None:
    other = fill(SectionCache(tmp_path, PLENTY), "a")
    files = SectionCache(tmp_path, 0)
    fill(files, "b")
    assert other.path is not None
    assert other.path.exists()
