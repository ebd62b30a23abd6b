"""Builds in the background: no change waits for one, and what is due is built by this process or the next."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.embedded.support import BASE_ROWS, DIMENSION, TAIL_ROWS, add_rows, is_index_due

from vectord.cache.section_cache import SectionCache
from vectord.index import mutations
from vectord.index.rows import Item
from vectord.index.state import Index, empty_index
from vectord.lhv1.params import new_params
from vectord.service.maintenance.compaction import Compaction
from vectord.service.maintenance.quiet import WaitLimits
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline
from vectord.storage.memory import MemoryStore
from vectord_client import Client
from vectord_client.embedded.builds import LOCK, Builds
from vectord_client.embedded.entry import open_gateway
from vectord_client.embedded.process_files import FileLock
from vectord_client.embedded.requirements import Options
from vectord_client.embedded.transport import Gateway


def test_a_build_that_is_due_is_run_after_the_change(built: Path, gateway: Gateway) -> None:
    add_rows(gateway, "films", 10_000, TAIL_ROWS)
    assert gateway._engine.builds.wait(60)
    assert not is_index_due(gateway, "films")


def test_the_change_does_not_wait_for_the_build(built: Path, gateway: Gateway) -> None:
    other = FileLock(built / LOCK)
    assert other.acquire()  # as another process that builds
    add_rows(gateway, "films", 10_000, TAIL_ROWS)
    assert is_index_due(gateway, "films")
    assert not gateway._engine.builds.wait(0)
    other.release()
    assert gateway._engine.builds.wait(60)
    assert not is_index_due(gateway, "films")


def test_an_index_that_is_due_is_built_after_the_next_open(built: Path, options: Options) -> None:
    first = open_gateway(built, options)
    other = FileLock(built / LOCK)
    assert other.acquire()
    add_rows(first, "films", 10_000, TAIL_ROWS)
    first._engine.close(0)  # the build is abandoned
    first.close()
    other.release()
    second = open_gateway(built, options)
    assert is_index_due(second, "films")
    deadline = time.monotonic() + 60
    while is_index_due(second, "films"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    second.close()


def test_the_lease_of_a_process_that_died_is_taken_over(built: Path, gateway: Gateway) -> None:
    staging = built / ".staging"
    staging.mkdir(exist_ok=True)
    (staging / "films.claim").write_text('{"id": "1", "holder": "embedded", "ends": 99999999999.0}')
    add_rows(gateway, "films", 10_000, TAIL_ROWS)
    assert gateway._engine.builds.wait(60)
    assert not is_index_due(gateway, "films")


def test_closing_waits_only_as_long_as_it_may(built: Path, options: Options) -> None:
    opened = open_gateway(built, options)
    other = FileLock(built / LOCK)
    assert other.acquire()
    add_rows(opened, "films", 10_000, TAIL_ROWS)
    start = time.monotonic()
    opened._engine.close(0.2)
    assert 0.2 <= time.monotonic() - start < 5
    opened.close()
    other.release()


def test_rows_of_an_abandoned_build_are_kept(built: Path, options: Options) -> None:
    opened = open_gateway(built, options)
    add_rows(opened, "films", 10_000, TAIL_ROWS)
    opened._engine.close(0)
    opened.close()
    again = open_gateway(built, options)
    found = again.service.describe("films", Deadline(again.service.environment.now() + 30))
    assert found.count == 4_000 + TAIL_ROWS
    again.close()


# ---- the end of a load


def recorded(folder: Path, limits: WaitLimits, begun: list[float]) -> Builds:
    """Return builds that record when the first begins, and find no index."""

    def compose() -> Compaction:
        begun.append(time.monotonic())
        return Compaction(
            MemoryStore(),
            SectionCache(folder / "sections", 1 << 20),
            environment=Environment(),
            retry_policy=RetryPolicy(),
            wait_limits=None,
        )

    return Builds(folder, compose, limits)


def request_often(builds: Builds, seconds: float, index: Index) -> float:
    """Request a build every 20 ms, as a load does; return when the last request was."""
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        builds.request("films", index)
        time.sleep(0.02)
    return now


def test_a_build_begins_when_no_change_was_made_for_a_while(tmp_path: Path) -> None:
    begun: list[float] = []
    builds = recorded(tmp_path, WaitLimits(quiet=0.5), begun)
    last = request_often(builds, 1.5, an_index(10))
    until(lambda: bool(begun))
    assert begun[0] >= last + 0.4
    builds.close(0)


def test_a_load_that_does_not_end_delays_a_build_only_so_long(tmp_path: Path) -> None:
    begun: list[float] = []
    start = time.monotonic()
    builds = recorded(tmp_path, WaitLimits(quiet=30, longest=0.5), begun)
    request_often(builds, 1.0, an_index(10))
    until(lambda: bool(begun))
    assert begun[0] >= start + 0.5
    builds.close(0)


def test_a_tail_that_is_too_large_is_built_at_once(tmp_path: Path) -> None:
    begun: list[float] = []
    builds = recorded(tmp_path, WaitLimits(quiet=3_600, tail_bytes=9 * DIMENSION * 4), begun)
    builds.request("films", an_index(9))
    time.sleep(0.1)
    assert begun == []
    builds.request("films", an_index(10))
    until(lambda: bool(begun))
    builds.close(0)


def test_closing_does_not_wait_for_the_end_of_a_load(tmp_path: Path) -> None:
    begun: list[float] = []
    builds = recorded(tmp_path, WaitLimits(quiet=3_600), begun)
    builds.request("films", an_index(10))
    builds.close(30)
    assert len(begun) == 1


def test_a_build_that_waits_does_not_delay_that_of_another_index(tmp_path: Path) -> None:
    begun: list[float] = []
    builds = recorded(tmp_path, WaitLimits(quiet=3_600, tail_bytes=9 * DIMENSION * 4), begun)
    builds.request("loading", an_index(9))
    builds.request("films", an_index(10))
    until(lambda: bool(begun))
    builds.close(0)


def an_index(rows: int) -> Index:
    """Return an index without a base that has this many rows in its tail."""
    items = [Item(str(row), np.ones(DIMENSION, np.float32), None) for row in range(rows)]
    return mutations.upsert(empty_index(new_params("films", DIMENSION)), items)[0]


def until(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("seconds", [0.0, 30.0])
def test_closing_twice_is_harmless(gateway: Gateway, seconds: float) -> None:
    gateway._engine.builds.close(seconds)
    gateway._engine.builds.close(seconds)
    gateway._engine.builds.request("films", an_index(1))
    assert gateway._engine.builds.wait(0)


def test_the_rows_before_a_build_take_no_space_and_can_still_be_read(built: Path) -> None:
    """A build changes no rows: the version that it replaced is read from the new file."""
    with Client(built) as client:
        films = client.index("films")
        latest, added, created = films.versions()
        assert latest.etag == films.etag != added.etag
        for as_of in (added.id, added.etag, added.modified):
            assert films.at(as_of).search([1.0] * DIMENSION, k=5_000).count == BASE_ROWS
        assert films.at(created.id).search([1.0] * DIMENSION).count == 0
    files = {path.stat().st_ino: path.stat().st_size for path in built.rglob("*") if path.is_file()}
    assert sum(files.values()) < 1.02 * (built / "films.lhv1").stat().st_size


def test_the_rows_before_a_build_can_be_copied_and_restored(built: Path) -> None:
    with Client(built) as client:
        films = client.index("films")
        _, added, _ = films.versions()
        films.delete(ids=["row-0"])
        assert len(films.copy("again", as_of=added.id)) == BASE_ROWS
        films.restore(added.etag)
        assert len(films) == BASE_ROWS


def test_the_page_lists_every_file_and_folder_that_a_folder_has(built: Path, gateway: Gateway) -> None:
    add_rows(gateway, "films", 10_000, TAIL_ROWS)
    assert gateway._engine.builds.wait(60)
    page = (Path(__file__).parents[4] / "docs" / "embedded.md").read_text()
    table = page.partition("| path in the folder |")[2].partition("\n\n")[0]
    hidden = {path.name for path in built.iterdir() if path.name.startswith(".")}
    assert hidden >= {LOCK, ".versions"}
    assert {name for name in hidden if f"`{name}" not in table} == set()
