"""An interrupted load that is run again finishes: no row twice, none lost, and nothing of others is overwritten."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vectord_client import AsyncClient, Client, Index
from vectord_client.errors import ArgumentInvalid, ConnectionFailed, ConnectionLost, TransportError
from vectord_client.load.errors import (
    BadRows,
    IndexChanged,
    JournalUnusable,
    LoadInterrupted,
    LoadRunning,
    SourceChanged,
)
from vectord_client.session import takes_rows
from vectord_client.wire.request import Request, Response

SRC = Path(__file__).parents[2] / "src"
SMALL = 10_000
PROGRAM = """
import sys
import time
from vectord_client import Client
target, path, batch_bytes = sys.argv[1:]
with Client(target) as client:
    def show(done, total):
        print(done, flush=True)
        time.sleep(0.05)  # so that there is a middle, however fast the machine is
    report = client.index("films").load(path, batch_bytes=int(batch_bytes), progress=show)
    print("finished", report.added, report.replaced, report.resumed, report.failed_count, flush=True)
"""


class Lost:
    """A transport that stops working at the n-th write: before the service gets it, or before its answer arrives."""

    def __init__(self, inner: Any, at: int, *, delivered: bool, error: TransportError) -> None:
        self.inner, self.at, self.delivered, self.error, self.writes = inner, at, delivered, error, 0
        self.takes_rows = takes_rows(inner)

    def send(self, request: Request, timeout: float) -> Response:
        if request.method == "POST" and request.path.endswith("/vectors"):
            self.writes += 1
            if self.writes >= self.at:
                if self.writes == self.at and self.delivered:
                    self.inner.send(request, timeout)
                raise self.error
        return self.inner.send(request, timeout)

    def close(self) -> None:
        self.inner.close()


@contextmanager
def lost(films: Index, at: int, *, delivered: bool, error: TransportError | None = None) -> Iterator[None]:
    """Lose the connection at a write inside the block. The session repeats nothing, as a killed process."""
    session = films._session
    transport, policy = session.transport, session.policy
    session.transport = Lost(transport, at, delivered=delivered, error=error or ConnectionLost("the cable was cut"))
    session.policy = type(policy)(attempts=1)
    try:
        yield
    finally:
        session.transport, session.policy = transport, policy


def interrupt(films: Index, path: Path, at: int = 4, *, delivered: bool = True, concurrency: int = 1) -> None:
    advice = rf"of 1,000 rows of {path.name} are in the index\. Run the same load again to continue\."
    with lost(films, at, delivered=delivered), pytest.raises(ConnectionLost, match=advice):
        films.load(path, batch_bytes=SMALL, concurrency=concurrency)


@pytest.mark.parametrize(("at", "concurrency"), [(1, 1), (2, 4), (4, 1), (4, 4)])
@pytest.mark.parametrize("delivered", [True, False])
def test_a_load_continues_after_its_connection_was_lost(
    at: int, concurrency: int, *, delivered: bool, films: Index, npz: Path, check: Callable, journals: Path
) -> None:
    interrupt(films, npz, at, delivered=delivered, concurrency=concurrency)
    report = films.load(npz, batch_bytes=SMALL)
    assert (report.added, report.replaced, report.failed) == (1_000, 0, ())
    assert (report.resumed > 0) == (at > 1)
    assert list(journals.iterdir()) == []
    check(films)


@pytest.mark.parametrize("delivered", [True, False])
def test_a_load_into_shards_continues(delivered: bool, client: Client, npz: Path, check: Callable) -> None:
    index = client.create_index("sharded", dimension=8, shards=3)
    interrupt(index, npz, delivered=delivered)
    report = index.load(npz, batch_bytes=SMALL)
    assert (report.added, report.replaced, report.failed) == (1_000, 0, ())
    check(index)


def test_rows_that_others_changed_meanwhile_are_not_overwritten(films: Index, npz: Path, matrix: np.ndarray) -> None:
    interrupt(films, npz)
    last = max(int(row.id[2:]) for row in films.rows())
    films.add([(f"id{last}", matrix[0], {"by": "another"})])
    films.delete(ids=[f"id{last - 1}"])
    report = films.load(npz, batch_bytes=SMALL)
    assert (report.added, report.failed) == (1_000, ())
    assert films[f"id{last}"].metadata == {"by": "another"}
    assert f"id{last - 1}" not in films


@pytest.mark.parametrize(("at", "concurrency"), [(5, 1), (5, 4)])
@pytest.mark.parametrize("delivered", [True, False])
def test_rows_that_a_restore_removed_are_sent_again(
    at: int, concurrency: int, *, delivered: bool, films: Index, npz: Path, check: Callable
) -> None:
    interrupt(films, npz, at, delivered=delivered, concurrency=concurrency)
    before = len(films)
    films.restore(next(version for version in films.versions() if 0 < films.at(version).info().count < before))
    kept = len(films)
    report = films.load(npz, batch_bytes=SMALL)
    assert (report.added, report.replaced, report.failed) == (1_000, 0, ())
    assert 0 < report.resumed <= kept  # without batches whose answer was lost
    check(films)


def test_rows_that_others_deleted_from_acknowledged_batches_are_sent_again(
    films: Index, npz: Path, check: Callable
) -> None:
    interrupt(films, npz, 5)
    films.delete(ids=["id0", "id5", "id200"])
    report = films.load(npz, batch_bytes=SMALL)
    assert (report.added, report.failed) == (1_000, ())
    check(films)


def test_a_repeat_that_is_interrupted_too_loses_and_overwrites_nothing(
    films: Index, npz: Path, matrix: np.ndarray, check: Callable
) -> None:
    interrupt(films, npz, 5)
    films.restore(list(films.versions())[2])
    kept = len(films)
    interrupt(films, npz, 1)
    again = max(int(row.id[2:]) for row in films.rows())
    assert again > kept
    films.add([(f"id{again}", matrix[0], {"by": "another"})])
    report = films.load(npz, batch_bytes=SMALL)
    assert [row.id for row in report.failed] == [f"id{again}"]
    assert (report.rows, films[f"id{again}"].metadata) == (999, {"by": "another"})
    films.delete(ids=[f"id{again}"])
    check(films, without=(again,))


def test_replaced_rows_that_a_restore_brought_back_are_reported(
    films: Index, npz: Path, matrix: np.ndarray, check: Callable
) -> None:
    """They are like rows that another writer changed, so they are not overwritten; but the report has them."""
    films.add(ids=[f"id{row}" for row in range(1_000)], vectors=matrix[::-1].copy())
    interrupt(films, npz, 5)
    films.restore(list(films.versions())[2])
    report = films.load(npz, batch_bytes=SMALL)
    assert report.failed_count > 0
    assert report.rows + report.failed_count == len(films) == 1_000
    for row in report.failed:
        assert "the index was restored to an earlier state" in row.reason
    films.delete(ids=[row.id for row in report.failed])
    check(films, without=tuple(row.position for row in report.failed))


def test_rows_of_one_id_in_several_batches_are_not_taken_for_changes_of_others(
    films: Index, matrix: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "repeated.npz"
    ids = np.array([f"id{row % 150}" for row in range(1_000)])
    np.savez(path, ids=ids, vectors=matrix)
    interrupt(films, path, 4)
    report = films.load(path, batch_bytes=SMALL)
    assert (report.failed, len(films)) == ((), 150)
    found = {row.id: row.vector for row in films.rows(vectors=True)}
    assert all(found[f"id{row % 150}"].tobytes() == matrix[row].tobytes() for row in range(850, 1_000))


def forget_keys(films: Index, matrix: np.ndarray) -> None:
    """Send so many requests with keys that the index forgets those of the load."""
    for number in range(257):
        films.add([("other", matrix[number])])


@pytest.mark.parametrize("delivered", [True, False])
def test_rows_that_differ_are_reported_where_the_index_forgot_the_batch(
    delivered: bool, films: Index, npz: Path, matrix: np.ndarray, check: Callable
) -> None:
    interrupt(films, npz, delivered=delivered)
    last = max(int(row.id[2:]) for row in films.rows())
    changed = last if delivered else last + 1
    films.add([(f"id{changed}", matrix[0], {"by": "another"})])
    forget_keys(films, matrix)
    report = films.load(npz, batch_bytes=SMALL)
    assert [(row.position, row.id) for row in report.failed] == [(changed, f"id{changed}")]
    assert "it was left as it is" in report.failed[0].reason
    assert films[f"id{changed}"].metadata == {"by": "another"}
    films.delete(ids=["other", f"id{changed}"])
    check(films, without=(changed,))


def test_rows_that_were_there_before_are_replaced_after_an_interruption(
    films: Index, npz: Path, matrix: np.ndarray, check: Callable
) -> None:
    films.add(ids=[f"id{row}" for row in range(1_000)], vectors=matrix[::-1].copy())
    for at in (1, 4):
        interrupt(films, npz, at, delivered=False)
    report = films.load(npz, batch_bytes=SMALL)
    assert (report.replaced, report.failed) == (1_000, ())
    check(films)


def test_a_file_that_changed_since_the_interruption_is_refused(films: Index, npz: Path, matrix: np.ndarray) -> None:
    interrupt(films, npz)
    np.savez(npz, ids=[f"id{row}" for row in range(999)], vectors=matrix[:999])
    with pytest.raises(SourceChanged, match="changed since a load of it into 'films' was interrupted"):
        films.load(npz, batch_bytes=SMALL)
    assert films.load(npz, batch_bytes=SMALL, resume=False).rows == 999


def test_a_file_with_other_bytes_in_its_middle_is_refused(films: Index, matrix: np.ndarray, tmp_path: Path) -> None:
    """The digest of a file is one of samples; the digest of each batch sees the rest."""
    path = tmp_path / "a.jsonl"
    vectors = np.tile(matrix, (20, 1))
    rows = [json.dumps({"id": f"i{row:05}", "vector": vector}) for row, vector in enumerate(vectors.tolist())]
    path.write_text("\n".join(rows))
    with lost(films, 5, delivered=True), pytest.raises(ConnectionLost):
        films.load(path, batch_bytes=100_000, concurrency=1)
    with path.open("r+b") as file:
        file.seek(70_000)  # between the first sample and the second one
        file.seek(70_000 + file.read(4_000).index(b'"i00') + 2)
        file.write(b"X")
    with pytest.raises(SourceChanged, match="has other rows at 0 to"):
        films.load(path, batch_bytes=100_000, concurrency=1)


def test_a_load_with_other_options_is_refused(films: Index, npz: Path) -> None:
    interrupt(films, npz)
    with pytest.raises(
        SourceChanged, match=r"it had other options: batch_bytes=10000 \(now 10001\)\. Load with the same"
    ):
        films.load(npz, batch_bytes=SMALL + 1)


def test_a_load_that_put_no_row_into_the_index_leaves_no_journal(films: Index, journals: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('key,vector\na,"[1, 2, 3, 4, 5, 6, 7, 8]"\n')
    with pytest.raises(ArgumentInvalid, match="id="):
        films.load(path)
    with pytest.raises(BadRows):
        films.load(path, id="vector", on_bad="raise", vector="key")
    with lost(films, 1, delivered=False, error=ConnectionFailed("refused")), pytest.raises(ConnectionFailed):
        films.load(path, id="key", batch_bytes=SMALL)
    assert list(journals.iterdir()) == []
    assert films.load(path, id="key").added == 1


def test_a_journal_of_a_load_that_was_killed_before_its_first_batch_counts_for_nothing(
    films: Index, npz: Path, journals: Path, check: Callable
) -> None:
    interrupt(films, npz)
    [journal] = journals.iterdir()
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])
    assert films.load(npz, batch_bytes=SMALL + 1).rows == 1_000
    check(films)


def test_an_index_that_was_created_again_is_refused(client: Client, films: Index, npz: Path, check: Callable) -> None:
    interrupt(films, npz)
    films.drop()
    client.create_index("films", dimension=8)
    with pytest.raises(IndexChanged, match="created again, or emptied"):
        films.load(npz, batch_bytes=SMALL)
    films.load(npz, batch_bytes=SMALL, resume=False)
    check(films)


def test_two_processes_do_not_load_one_file_at_the_same_time(films: Index, npz: Path) -> None:
    def second(done: int, _total: int | None) -> None:
        if done < 500:
            with pytest.raises(LoadRunning, match="Another process or thread is loading"):
                films.load(npz, batch_bytes=SMALL)

    films.load(npz, batch_bytes=SMALL, progress=second)


def test_a_journal_that_cannot_be_written_is_an_error_that_says_what_to_do(
    films: Index, npz: Path, monkeypatch: pytest.MonkeyPatch, check: Callable
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/cache")
    with pytest.raises(JournalUnusable, match="set XDG_CACHE_HOME to another folder, or load with resume=False"):
        films.load(npz)
    films.load(npz, resume=False)
    check(films)


@pytest.mark.parametrize("cut", [b"", b'{"line":"do', b"\0\0\0\0\n", b'{"line":"done"}\n{"line'])
def test_a_journal_whose_end_is_cut_is_read_up_to_there(
    cut: bytes, films: Index, npz: Path, journals: Path, check: Callable
) -> None:
    interrupt(films, npz)
    [journal] = journals.iterdir()
    journal.write_bytes(journal.read_bytes() + cut)
    interrupt(films, npz, 2)
    assert len([json.loads(line) for line in journal.read_text().splitlines()]) > 8
    assert films.load(npz, batch_bytes=SMALL).added == 1_000
    check(films)


@pytest.mark.parametrize("lines", range(9))
def test_a_journal_that_lost_its_last_lines_is_enough(
    lines: int, films: Index, npz: Path, journals: Path, check: Callable
) -> None:
    """A power failure may lose what was not on disk; what was sent is then in doubt, or sent again with its key."""
    interrupt(films, npz, 5)
    [journal] = journals.iterdir()
    kept = journal.read_bytes().splitlines(keepends=True)[: lines + 1]
    journal.write_bytes(b"".join(kept))
    report = films.load(npz, batch_bytes=SMALL)
    assert (report.added, report.failed) == (1_000, ())
    check(films)


def test_rows_in_memory_are_resumed_too(films: Index, matrix: np.ndarray, check: Callable) -> None:
    rows = [(f"id{row}", vector, {"n": row}) for row, vector in enumerate(matrix)]
    for source, resume in ((lambda: rows, True), (lambda: iter(rows), "my rows")):
        films.clear()
        with lost(films, 4, delivered=True), pytest.raises(ConnectionLost):
            films.load(source(), batch_bytes=SMALL, resume=resume)
        assert films.load(source(), batch_bytes=SMALL, resume=resume).resumed > 0
        check(films)


def test_a_file_that_changes_while_it_is_loaded_is_an_error(films: Index, matrix: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [json.dumps({"id": f"id{row}", "vector": vector}) for row, vector in enumerate(matrix.tolist())]

    def append(_done: int, _total: int | None) -> None:
        with path.open("a") as file:
            file.write("\n" + rows[0])

    def replace(_done: int, _total: int | None) -> None:
        path.with_suffix(".new").write_text("\n".join(rows))
        path.with_suffix(".new").replace(path)

    def remove(_done: int, _total: int | None) -> None:
        path.unlink(missing_ok=True)

    for change, message in ((append, "changed while"), (replace, "changed while"), (remove, "was removed while")):
        path.write_text("\n".join(rows))
        with pytest.raises(SourceChanged, match=f"a.jsonl {message} it was loaded") as caught:
            films.load(path, batch_bytes=SMALL, progress=change, resume=False)
        assert "rows of a.jsonl are in the index" in caught.value.__notes__[0]


def run(target: str, path: Path, batch_bytes: int) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(SRC), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM, target, str(path), str(batch_bytes)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stop_after(process: subprocess.Popen, rows: int, number: int) -> str:
    """Send a signal once so many rows are acknowledged; return what was written to stderr."""
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= rows:
            break
    time.sleep(0.03)
    process.send_signal(number)
    return process.communicate(timeout=120)[1]


@pytest.mark.parametrize(("number", "count"), [(signal.SIGKILL, 100_000), (signal.SIGINT, 20_000)])
def test_a_large_load_is_stopped_twice_and_resumed(number: int, count: int, client: Client, tmp_path: Path) -> None:
    path, batch_bytes = tmp_path / "large.npz", count * 6
    vectors = np.random.default_rng(5).normal(size=(count, 16)).astype(np.float32)
    metadata = np.array([f'{{"n":{row}}}' for row in range(count)])
    np.savez(path, ids=np.array([f"id{row}" for row in range(count)]), vectors=vectors, metadata=metadata)
    films = client.create_index("films", dimension=16)
    target = films._session.target
    for rows in (count // 5, count // 2):
        error = stop_after(run(target, path, batch_bytes), rows, number)
        if number == signal.SIGINT:
            assert f"of {count:,} rows of large.npz are in the index. Run the same load again to continue." in error
    out, error = run(target, path, batch_bytes).communicate(timeout=300)
    assert (error, out.splitlines()[-1].split()[0]) == ("", "finished")
    _, added, replaced, resumed, failed = out.splitlines()[-1].split()
    assert (added, replaced, failed) == (f"{count}", "0", "0")
    assert int(resumed) >= count // 2
    assert len(films) == count
    found = {row.id: row for row in films.rows(vectors=True)}
    assert len(found) == count
    assert all(found[f"id{row}"].vector.tobytes() == vectors[row].tobytes() for row in range(count))
    assert all(found[f"id{row}"].metadata == {"n": row} for row in range(count))


def test_ctrl_c_raises_an_error_that_says_how_to_continue(films: Index, npz: Path, check: Callable) -> None:
    def press(done: int, _total: int | None) -> None:
        if 300 < done < 900:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(
        LoadInterrupted, match=r"of 1,000 rows of films\.npz are in the index\. Run the same load again"
    ):
        films.load(npz, batch_bytes=SMALL, progress=press)
    assert films.load(npz, batch_bytes=SMALL).added == 1_000
    check(films)


async def test_a_cancelled_load_is_resumed(films: Index, npz: Path, check: Callable) -> None:
    async with AsyncClient(films._session.target) as client:
        index, loop = client.index("films"), asyncio.get_running_loop()

        def cancel(done: int, _total: int | None) -> None:
            if done > 300:
                loop.call_soon_threadsafe(task.cancel)

        task = asyncio.ensure_future(index.load(npz, batch_bytes=SMALL, progress=cancel))
        with pytest.raises(asyncio.CancelledError):
            await task
        report = await index.load(npz, batch_bytes=SMALL)
        assert report.added == 1_000
        assert report.resumed > 0
    check(films)
