"""A journal resumes the load that it belongs to, with the same source, index and options, and no other."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.load.interruption import SMALL, interrupt, lost

from vectord_client import Client, Index
from vectord_client.errors import ArgumentInvalid, ConnectionFailed, ConnectionLost
from vectord_client.load.errors import (
    BadRows,
    IndexChanged,
    JournalUnusable,
    LoadRunning,
    SourceChanged,
)


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
        SourceChanged, match=r"it had other options: batch_bytes 10000 \(now 10001\)\. Load with the same"
    ):
        films.load(npz, batch_bytes=SMALL + 1)


def test_a_load_that_put_no_row_into_the_index_leaves_no_journal(films: Index, journals: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('key,vector\na,"[1, 2, 3, 4, 5, 6, 7, 8]"\n')
    with pytest.raises(ArgumentInvalid, match="option `id`"):
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
