"""An interrupted load that is run again finishes: no row twice, none lost, and nothing of others is overwritten."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.load.interruption import SMALL, interrupt, lost

from vectord_client import Client, Index
from vectord_client.errors import ConnectionLost


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


def test_rows_in_memory_are_resumed_too(films: Index, matrix: np.ndarray, check: Callable) -> None:
    rows = [(f"id{row}", vector, {"n": row}) for row, vector in enumerate(matrix)]
    for source, resume in ((lambda: rows, True), (lambda: iter(rows), "my rows")):
        films.clear()
        with lost(films, 4, delivered=True), pytest.raises(ConnectionLost):
            films.load(source(), batch_bytes=SMALL, resume=resume)
        assert films.load(source(), batch_bytes=SMALL, resume=resume).resumed > 0
        check(films)
