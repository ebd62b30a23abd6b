"""An export is a complete file or none, and can be loaded again."""

from collections.abc import Callable
from pathlib import Path

import httpx2
import numpy as np
import pytest

from vectord_client import AsyncClient, Client, Index
from vectord_client.errors import ArgumentInvalid, IndexNotFound
from vectord_client.load import export
from vectord_client.load.errors import ExportIncomplete


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "jsonl.gz"])
def test_an_export_can_be_loaded_again(
    ending: str, *, client: Client, films: Index, npz: Path, tmp_path: Path, check: Callable
) -> None:
    films.load(npz)
    path = tmp_path / f"films.{ending}"
    assert films.export(path) == path.stat().st_size
    again = client.create_index("again", dimension=8)
    assert again.load(path).added == 1_000
    check(again)


@pytest.fixture
def large(client: Client) -> Index:
    """An index whose exports have more than the 4 MiB of an answer."""
    index = client.create_index("large", dimension=256)
    matrix = np.random.default_rng(3).normal(size=(5_000, 256)).astype("f4")
    index.load([(f"i{row}", vector) for row, vector in enumerate(matrix)])
    return index


def test_a_large_export_arrives_by_its_link(large: Index, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    size = large.export(tmp_path / "a.lhv1", progress=lambda done, total: seen.append((done, total)))
    assert size == (tmp_path / "a.lhv1").stat().st_size > 5_000_000
    assert seen[-1] == (size, size)
    assert large.export(tmp_path / "a.file", format="jsonl", vector_encoding="base64") > 5_000_000
    assert sorted(path.name for path in tmp_path.glob("*a.*")) == ["a.file", "a.lhv1"]
    assert [path for path in tmp_path.glob("data/.staging/*") if path.is_file()] == []


def test_an_export_that_is_cut_leaves_the_earlier_file(
    large: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"earlier")
    whole = export._chunks

    def cut(*arguments: object) -> object:
        yield next(whole(*arguments))[:-1]

    monkeypatch.setattr(export, "_chunks", cut)
    with pytest.raises(ExportIncomplete, match=r"arrived with [\d,]+ of [\d,]+ bytes"):
        large.export(path)
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.glob(".*partial")) == []


def test_a_link_that_is_refused_is_an_error(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = httpx2.stream
    monkeypatch.setattr(httpx2, "stream", lambda method, url, **options: refused(method, f"{url}0", **options))
    with Client(server) as client:
        index = client.create_index("large", dimension=256)
        index.load([(f"i{row}", [row / 7] * 255 + [1.0]) for row in range(5_000)])
        with pytest.raises(ExportIncomplete, match="The link of the export was refused"):
            index.export(tmp_path / "a.jsonl")
    assert not (tmp_path / "a.jsonl").exists()


def test_a_path_that_cannot_be_written_is_refused_before_the_export(films: Index, tmp_path: Path) -> None:
    for path, message in (
        (tmp_path, "is a folder"),
        (tmp_path / "none" / "a.parquet", "is not a folder: create it first"),
        (tmp_path / "a.csv", "does not end with .parquet"),
    ):
        with pytest.raises(ArgumentInvalid, match=message):
            films.export(path, format="jsonl" if path == tmp_path else None)


@pytest.mark.parametrize("path", ["a\0.jsonl", "a" * 300 + ".jsonl", "~no-such-user/a.jsonl", 5])
def test_a_path_that_no_file_can_have_is_refused_before_the_export(path: object, films: Index) -> None:
    with pytest.raises(ArgumentInvalid, match="cannot be written: "):
        films.export(path)  # type: ignore[arg-type]


def test_a_file_with_the_longest_name_is_written(films: Index, tmp_path: Path) -> None:
    path = tmp_path / f"{'a' * 249}.jsonl"
    assert films.export(path) == path.stat().st_size


def test_a_missing_index_leaves_no_file(client: Client, tmp_path: Path) -> None:
    with pytest.raises(IndexNotFound):
        client.index("none").export(tmp_path / "a.jsonl")
    assert not (tmp_path / "a.jsonl").exists()


def test_an_earlier_state_is_exported(films: Index, npz: Path, tmp_path: Path) -> None:
    films.load(npz)
    before = films.etag
    films.clear()
    films.at(before).export(tmp_path / "a.jsonl")
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 1_000


async def test_an_asynchronous_export_is_the_same(films: Index, npz: Path, tmp_path: Path) -> None:
    films.load(npz)
    films.export(tmp_path / "a.jsonl")
    async with AsyncClient(films._session.target) as client:
        await client.index("films").export(tmp_path / "b.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
