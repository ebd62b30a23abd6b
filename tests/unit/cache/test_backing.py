"""Finished files of earlier processes are adopted if they are correct; files of dead processes are removed."""

import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np

import vectord
from vectord.cache.backing import OnDisk
from vectord.cache.section_cache import SectionCache
from vectord.cache.section_file import PAGE
from vectord.lhv1.frame import SectionEntry

PLENTY = 1 << 30
DATA = np.random.default_rng(0).bytes(3 * PAGE)
ENTRY = SectionEntry("graph", len(DATA), f"{zlib.crc32(DATA):08x}", "a")

# Finishes the section "a", fills two thirds of "b", prints "ready" and waits to be killed.
WRITER = """
import sys, zlib
from pathlib import Path
from vectord.lhv1.frame import SectionEntry
from vectord.cache.section_cache import SectionCache
data = bytes.fromhex(sys.stdin.readline())
files = SectionCache(Path(sys.argv[1]), 1 << 30)
entries = [SectionEntry("graph", len(data), f"{zlib.crc32(data):08x}", name) for name in "ab"]
sections = [files.open(entry) for entry in entries]
sections[0].write(0, data)
sections[1].write(0, data[:8192])
print("ready", flush=True)
sys.stdin.readline()
"""


def finish(folder: Path) -> Path:
    section = SectionCache(folder, PLENTY).open(ENTRY)
    section.write(0, DATA)
    assert section.path is not None
    return section.path


def suffixes(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir())


def writer(folder: Path) -> subprocess.Popen[str]:
    package = str(Path(vectord.__path__[0]).parent)
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": package},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(DATA.hex() + "\n")
    process.stdin.flush()
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_finished_file_is_adopted(tmp_path: Path) -> None:
    path = finish(tmp_path)
    files = SectionCache(tmp_path, PLENTY)
    section = files.open(ENTRY)
    assert (section.whole, section.path, section.buffer.tobytes(), files.used) == (True, path, DATA, len(DATA))


def test_a_finished_file_with_an_altered_byte_is_removed(tmp_path: Path) -> None:
    path = finish(tmp_path)
    path.write_bytes(DATA[:-1] + bytes([DATA[-1] ^ 1]))
    files = SectionCache(tmp_path, PLENTY)
    section = files.open(ENTRY)
    assert (section.whole, section.missing(None), files.used) == (False, [(0, len(DATA))], 0)
    assert suffixes(tmp_path) == []


def test_a_truncated_finished_file_is_removed(tmp_path: Path) -> None:
    path = finish(tmp_path)
    path.write_bytes(DATA[:-1])
    assert SectionCache(tmp_path, PLENTY).open(ENTRY).missing(None) == [(0, len(DATA))]
    assert suffixes(tmp_path) == []


def test_the_folder_is_created(tmp_path: Path) -> None:
    finish(tmp_path / "some" / "where")
    assert suffixes(tmp_path / "some" / "where") == [".section"]


def test_foreign_files_in_the_folder_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "film.part").write_bytes(b"x")
    (tmp_path / "x.section").write_bytes(b"x")
    files = SectionCache(tmp_path, 0)
    assert (files.used, suffixes(tmp_path)) == (0, [".part", ".section"])


def test_only_the_finished_files_of_a_killed_process_are_kept(tmp_path: Path) -> None:
    with writer(tmp_path) as process:
        process.kill()
    assert suffixes(tmp_path) == [".part", ".section"]
    files = SectionCache(tmp_path, PLENTY)
    assert suffixes(tmp_path) == [".section"]
    assert files.open(ENTRY).buffer.tobytes() == DATA


def test_the_part_of_a_live_process_is_kept(tmp_path: Path) -> None:
    with writer(tmp_path) as process:
        SectionCache(tmp_path, PLENTY)
        assert suffixes(tmp_path) == [".part", ".section"]
        process.kill()


def test_two_caches_can_fill_the_same_content(tmp_path: Path) -> None:
    sections = [SectionCache(tmp_path, PLENTY).open(ENTRY) for _ in range(2)]
    for section in sections:
        section.write(0, DATA)
    assert [(section.whole, section.buffer.tobytes()) for section in sections] == [(True, DATA), (True, DATA)]
    assert suffixes(tmp_path) == [".section"]


def test_a_file_whose_name_was_removed_stays_usable(tmp_path: Path) -> None:
    section = SectionCache(tmp_path, PLENTY).open(ENTRY)
    section.write(0, DATA[:PAGE])
    (part,) = tmp_path.iterdir()
    part.unlink()
    section.write(PAGE, DATA[PAGE:])
    assert (section.whole, section.path, section.buffer.tobytes()) == (True, None, DATA)


def test_a_removed_file_cannot_be_locked(tmp_path: Path) -> None:
    path = tmp_path / "part"
    file = OnDisk(os.open(path, os.O_RDWR | os.O_CREAT), path)
    assert file.lock()
    path.unlink()
    assert not file.lock()
