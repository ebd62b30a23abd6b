"""A load puts every valid row of a source into the index, once, and reports the others."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.load.files import SMALL, lines

from vectord_client import AsyncClient, Client, Index
from vectord_client.errors import ArgumentInvalid, IndexNotFound
from vectord_client.load.errors import BadRows

DEEP = json.loads("[" * 101 + "]" * 101)  # one level too many, which only the service checks


def test_a_second_load_of_a_finished_file_replaces_its_rows(films: Index, npz: Path, check: Callable) -> None:
    films.load(npz)
    report = films.load(npz)
    assert (report.added, report.replaced, report.resumed) == (0, 1_000, 0)
    check(films)


def test_one_file_is_loaded_into_two_indexes(client: Client, npz: Path, check: Callable) -> None:
    for name in ("one", "two"):
        index = client.create_index(name, dimension=8)
        assert index.load(npz).added == 1_000
        check(index)


def test_the_last_of_several_rows_with_one_id_counts(films: Index, matrix: np.ndarray) -> None:
    rows = [("same", vector, {"n": row}) for row, vector in enumerate(matrix)]
    report = films.load(rows, batch_bytes=1_000, concurrency=8)
    assert films["same"].metadata == {"n": 999}
    assert len(films) == 1
    assert report.added == 1


def test_bad_rows_are_reported_and_the_others_loaded(
    films: Index, matrix: np.ndarray, tmp_path: Path, check: Callable
) -> None:
    rows = lines(matrix)
    rows[3]["vector"][2] = "x"
    rows[5]["vector"] = [0.0] * 8
    rows[7]["vector"] = [1.0]
    rows[9]["id"] = 9.5
    rows[11] = {"key": "id11", "vector": [1.0] * 8}
    texts = [json.dumps(row) for row in rows]
    texts[13] = texts[13][:-5]
    texts[15] = '{"id": "id15", "id": "x", "vector": []}'
    (tmp_path / "bad.jsonl").write_text("\n".join(texts))
    report = films.load(tmp_path / "bad.jsonl", batch_bytes=SMALL)
    assert report.added == 993
    assert [(row.position, row.id) for row in report.failed] == [
        (3, "id3"), (5, "id5"), (7, "id7"), (9, None), (11, None), (13, None), (15, None)
    ]  # fmt: skip
    reasons = [row.reason for row in report.failed]
    assert reasons[1].startswith("the vector has only zeros")
    assert reasons[2] == "the vector has 1 components, and the index has 8"
    assert reasons[4] == "the line has no key 'id'; its keys are 'key', 'vector'. Name it with the option `id`"
    assert reasons[6] == "the line has the key 'id' more than once"
    check(films, without=(3, 5, 7, 9, 11, 13, 15))


def test_a_row_that_only_the_service_refuses_is_reported_too(films: Index, matrix: np.ndarray, check: Callable) -> None:
    rows = lines(matrix)
    rows[500]["metadata"] = DEEP
    report = films.load(rows, batch_bytes=SMALL)
    assert [(row.position, row.id) for row in report.failed] == [(500, "id500")]
    check(films, without=(500,))


@pytest.mark.parametrize("bad", [{"id": 5}, {"vector": [0.0] * 8}, {"metadata": DEEP}])
def test_a_bad_row_ends_the_load_on_request(bad: dict, films: Index, matrix: np.ndarray) -> None:
    rows = lines(matrix)
    rows[999] |= bad
    with pytest.raises(BadRows) as caught:
        films.load(rows, batch_bytes=SMALL, on_bad="raise")
    assert [row.position for row in caught.value.errors] == [999]
    assert len(films) < 1_000


def test_a_load_into_a_sharded_index(client: Client, npz: Path, check: Callable) -> None:
    index = client.create_index("sharded", dimension=8, shards=3)
    assert index.load(npz, batch_bytes=SMALL).added == 1_000
    check(index)


async def test_an_asynchronous_load_is_the_same(films: Index, npz: Path, check: Callable) -> None:
    async with AsyncClient(films._session.target) as client:
        index = client.index("films")
        report = await index.load(npz, batch_bytes=SMALL)
        assert (report.added, await index.count()) == (1_000, 1_000)
    check(films)


@pytest.mark.parametrize("total", [True, False])
def test_progress_is_given_to_a_function(total: bool, films: Index, matrix: np.ndarray) -> None:
    rows, seen = lines(matrix), []
    films.load(rows if total else iter(rows), batch_bytes=SMALL, progress=lambda done, of: seen.append((done, of)))
    assert seen == sorted(seen)
    assert seen[-1] == (1_000, 1_000 if total else None)


def test_nothing_is_shown_where_stderr_is_not_a_terminal(films: Index, npz: Path, capfd: pytest.CaptureFixture) -> None:
    films.load(npz)
    assert capfd.readouterr() == ("", "")
    films.load(npz, progress=True)
    assert "films.npz: 100%" in capfd.readouterr().err


def test_a_file_that_is_missing_and_an_index_that_is_missing_are_named(client: Client, npz: Path) -> None:
    with pytest.raises(IndexNotFound):
        client.index("none").load(npz)
    client.create_index("films", dimension=8)
    with pytest.raises(ArgumentInvalid, match=r"nothing\.npz cannot be read: No such file"):
        client.index("films").load(npz.with_name("nothing.npz"))
