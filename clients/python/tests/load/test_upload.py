"""A file that is sent to an upload link is in the index afterwards, as a load in batches would have put it there."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.load.files import FILES, lines, write_json_parquet, write_jsonl

from vectord_client import AsyncClient, Client, Index
from vectord_client.errors import ArgumentInvalid, StorageSilent, TimedOut
from vectord_client.gateway_errors import GatewayThrottled
from vectord_client.load import upload
from vectord_client.load.errors import BadRows, UploadNotSeen, UploadRejected


@pytest.fixture
def client(server: str) -> Iterator[Client]:
    with closing(Client(server)) as client:
        yield client


PLAIN = ["a.jsonl", "a.jsonl.gz", "json.parquet", "compressed.npz", "fortran.npz", "fields.npy"]


@pytest.mark.parametrize("name", PLAIN)
def test_a_file_that_the_service_reads_is_uploaded(
    name: str, films: Index, matrix: np.ndarray, tmp_path: Path, check: Callable
) -> None:
    FILES[name](tmp_path / name, matrix)
    report = films.load(tmp_path / name, via="upload")
    assert (report.added, report.replaced, report.via) == (1_000, 0, "upload")
    check(films)
    assert films.load(tmp_path / name, via="upload").replaced == 1_000


async def test_an_asynchronous_upload_is_the_same(films: Index, npz: Path, check: Callable) -> None:
    async with AsyncClient(films._session.target) as client:
        report = await client.index("films").load(npz, via="upload")
    assert (report.added, report.via) == (1_000, "upload")
    check(films)


def test_a_large_file_is_uploaded_and_others_go_in_batches(
    films: Index, npz: Path, matrix: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert films.load(npz).via == "batches"
    monkeypatch.setattr(upload, "_FASTER_BYTES", 10_000)
    assert films.load(npz).via == "upload"
    rows = lines(matrix)
    rows[5]["vector"][0] = float("nan")
    for name, source in {"bad.jsonl": rows, "other.jsonl": [{**row, "more": 1} for row in lines(matrix)]}.items():
        path = tmp_path / name
        path.write_text("\n".join(str(row).replace("'", '"') for row in source))
        report = films.load(path)
        assert (report.via, report.failed_count) == ("batches", 1 if name == "bad.jsonl" else 1_000)


def test_a_file_with_bad_rows_is_not_uploaded(films: Index, matrix: np.ndarray, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", matrix)
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write('{"id": "x"}\n')
    with pytest.raises(BadRows, match="an uploaded file is ingested as a whole"):
        films.load(tmp_path / "a.jsonl", via="upload")
    assert len(films) == 0


def test_a_file_without_rows_changes_nothing(films: Index, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n")
    assert films.load(tmp_path / "a.jsonl", via="upload").rows == 0


@pytest.mark.parametrize("name", ["a.parquet", "a.csv"])
def test_a_file_that_the_service_cannot_read_is_not_uploaded(
    name: str, films: Index, matrix: np.ndarray, tmp_path: Path
) -> None:
    FILES[name](tmp_path / name, matrix)
    with pytest.raises(ArgumentInvalid, match=r"cannot be loaded by an upload link: only \.parquet, \.jsonl"):
        films.load(tmp_path / name, via="upload")


def test_rows_in_memory_and_a_folder_need_no_link(films: Index, matrix: np.ndarray, npz: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentInvalid, match="only a file on disk can be sent"):
        films.load(lines(matrix), via="upload")
    with Client(tmp_path / "data") as client:
        index = client.create_index("films", dimension=8)
        with pytest.raises(ArgumentInvalid, match="the engine is in this process"):
            index.load(npz, via="upload")


def test_a_file_that_does_not_arrive_is_an_error(
    films: Index, matrix: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json_parquet(tmp_path / "a.parquet", matrix)
    monkeypatch.setattr(upload, "_INGEST_SECONDS", 1.0)
    monkeypatch.setattr(upload, "_has_all", lambda *_: False)
    with pytest.raises(UploadNotSeen, match=r"the reason is in the inbox at rejected/films/.*/a\.parquet\.json"):
        films.load(tmp_path / "a.parquet", via="upload")


def test_a_read_that_fails_does_not_end_the_wait_for_the_rows(
    films: Index, npz: Path, check: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[Exception] = [TimedOut("no answer"), StorageSilent("busy"), GatewayThrottled("slow down")]
    look_up = upload._has_all

    def has_all(*arguments: Any) -> bool:
        if failures:
            raise failures.pop()
        return look_up(*arguments)

    monkeypatch.setattr(upload, "_has_all", has_all)
    assert films.load(npz, via="upload").added == 1_000
    assert not failures
    check(films)


def test_a_file_that_the_server_refuses_is_an_error_at_once_with_its_reason(
    films: Index, matrix: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = lines(matrix)[:3]
    rows[1]["vector"] = [1.0]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setattr(upload, "examine", lambda *_: upload.Examined(3))
    with pytest.raises(UploadRejected, match=r"The service did not ingest a\.jsonl: ") as caught:
        films.load(tmp_path / "a.jsonl", via="upload")
    assert [(row.position, row.id) for row in caught.value.errors] == [(1, "id1")]
