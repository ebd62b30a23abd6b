"""Several threads fill the same section files."""

import os
import random
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from time import sleep

import numpy as np
import pytest

from vectord.cache.backing import Disk
from vectord.cache.section_cache import SectionCache
from vectord.cache.section_file import PAGE, SectionFile
from vectord.errors import BlobCorrupt
from vectord.lhv1.frame import SectionEntry

THREADS, PAGES = 8, 64
DATA = [np.random.default_rng(seed).bytes(PAGES * PAGE + seed) for seed in range(3)]
ENTRIES = [SectionEntry("rows", len(data), f"{zlib.crc32(data):08x}", str(i)) for i, data in enumerate(DATA)]


def at_once(work: Callable[[int], object]) -> list[BaseException | None]:
    start = Barrier(THREADS)

    def run(number: int) -> None:
        start.wait()
        work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return [future.exception() for future in [pool.submit(run, number) for number in range(THREADS)]]


def fetch_all(section: SectionFile, data: bytes, seed: int) -> None:
    rng = random.Random(seed)
    while spans := section.missing(None):
        start, stop = rng.choice(spans)
        page = rng.randrange(start // PAGE, -(-stop // PAGE)) * PAGE
        section.write(page, data[page : page + rng.randrange(1, 4) * PAGE])


@pytest.mark.parametrize("repeat", range(3))
def test_threads_can_fill_one_section_together(tmp_path: Path, repeat: int) -> None:
    files = SectionCache(tmp_path, 1 << 30)

    def work(number: int) -> None:
        section = files.open(ENTRIES[0])
        fetch_all(section, DATA[0], THREADS * repeat + number)
        assert section.whole
        assert section.buffer.tobytes() == DATA[0]

    assert at_once(work) == [None] * THREADS
    assert [path.suffix for path in tmp_path.iterdir()] == [".section"]


@pytest.mark.parametrize("repeat", range(3))
def test_threads_that_evict_each_others_files_read_correct_bytes(tmp_path: Path, repeat: int) -> None:
    files = SectionCache(tmp_path, len(DATA[0]))

    def work(number: int) -> None:
        for which in random.Random(number + repeat).sample(range(3), 3):
            section = files.open(ENTRIES[which])
            fetch_all(section, DATA[which], number)
            assert section.buffer.tobytes() == DATA[which]

    assert at_once(work) == [None] * THREADS
    assert files.used <= max(map(len, DATA))


def test_wrong_bytes_are_reported_to_one_thread(tmp_path: Path) -> None:
    files = SectionCache(tmp_path, 1 << 30)
    section = files.open(ENTRIES[0])
    section.write(PAGE, DATA[0][PAGE:])

    def work(number: int) -> None:
        section.write(0, bytes(PAGE))

    failures = [failure for failure in at_once(work) if failure]
    assert [type(failure) for failure in failures] == [BlobCorrupt]
    section = files.open(ENTRIES[0])
    fetch_all(section, DATA[0], 0)
    assert section.buffer.tobytes() == DATA[0]


def test_the_check_waits_for_a_late_write_of_the_same_page(tmp_path: Path) -> None:
    writing = Event()

    def pwrite(fd: int, data: memoryview, start: int) -> int:
        if bytes(data) == bytes(PAGE):  # the late and wrong one
            writing.set()
            sleep(0.2)  # longer than a check that does not wait
        return os.pwrite(fd, data, start)

    section = SectionCache(tmp_path, 1 << 30, Disk(pwrite=pwrite)).open(ENTRIES[0])
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(section.write, 0, bytes(PAGE))
        assert writing.wait(10)
        failures = [type(failure) for failure in (failure_of(section, DATA[0]), late.exception()) if failure]
    assert (failures, section.whole) == ([BlobCorrupt], False)


def failure_of(section: SectionFile, data: bytes) -> BlobCorrupt | None:
    try:
        section.write(0, data)
    except BlobCorrupt as error:
        return error
    return None


def test_threads_that_adopt_a_file_get_the_same_object(tmp_path: Path) -> None:
    data = bytes(8 << 20)  # large, so that all threads check it at the same time
    entry = SectionEntry("rows", len(data), f"{zlib.crc32(data):08x}", "large")
    SectionCache(tmp_path, 1 << 30).open(entry).write(0, data)
    files, opened = SectionCache(tmp_path, 1 << 30), set[SectionFile]()
    assert at_once(lambda _: opened.add(files.open(entry))) == [None] * THREADS
    assert (len(opened), files.used) == (1, len(data))
