"""The examples that load files and move indexes from other services: each runs as its own process, as its page says."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer

from vectord_client import Client

EXAMPLES = Path(__file__).parents[4] / "examples"
SRC = Path(__file__).parents[2] / "src"
NAMES = ["bulk_load", "migrate_from_chroma", "migrate_from_pinecone", "migrate_from_s3_vectors"]


def run(name: str, *words: str | Path, **environment: str) -> str:
    """Run an example and return what it prints."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("VECTORD_", "AWS_"))}
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", *words],
        env={**inherited, "PYTHONPATH": str(SRC), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_under_40_lines_and_a_help_text(name: str) -> None:
    assert len((EXAMPLES / f"{name}.py").read_text().splitlines()) < 40
    assert f"python examples/{name}.py" in run(name, "--help")


def test_bulk_load(tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).standard_normal((3_000, 16)).astype(np.float32)
    table = pa.table({"id": [f"row-{at}" for at in range(3_000)], "vector": list(vectors), "n": range(3_000)})
    pq.write_table(table, tmp_path / "rows.parquet")
    command = ("bulk_load", tmp_path / "rows.parquet", "rows", "--dimension", "16", "--target", tmp_path / "data")
    assert "3,000 added, 0 replaced" in run(*command)
    assert "0 added, 3,000 replaced" in run(*command)
    with Client(tmp_path / "data") as client:
        assert client.index("rows")["row-7"].metadata == {"n": 7}
    pq.write_table(table.slice(0, 0), tmp_path / "rows.parquet")
    assert run("bulk_load", tmp_path / "rows.parquet", "none", "--target", tmp_path / "data").startswith("0 added")


@pytest.fixture
def s3_vectors() -> Iterator[dict[str, str]]:
    """The environment of a service of S3 Vectors, and of credentials for it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL_S3VECTORS": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server.stop()


def test_migrate_from_s3_vectors(tmp_path: Path, s3_vectors: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_vectors.items():
        monkeypatch.setenv(name, value)
    source = boto3.client("s3vectors")
    where = {"vectorBucketName": "media", "indexName": "films"}
    source.create_vector_bucket(vectorBucketName="media")
    source.create_index(**where, dataType="float32", dimension=3, distanceMetric="euclidean")
    rows: list[dict[str, Any]] = [
        {"key": f"film-{at}", "data": {"float32": [at, 1.0, 0.1]}, "metadata": {"at": at, "tags": ["a", "b"]}}
        for at in range(1_200)
    ]
    for start in range(0, len(rows), 400):
        source.put_vectors(**where, vectors=rows[start : start + 400])
    assert "1,200 added" in run(
        "migrate_from_s3_vectors", "media", "films", "--target", tmp_path / "data", **s3_vectors
    )
    with Client(tmp_path / "data") as client:
        films = client.index("films")
        assert (films.count(), films.info().distance, films.info().dimension) == (1_200, "euclidean", 3)
        row = films["film-7"]
        assert row.metadata == {"at": 7, "tags": ["a", "b"]}
        assert np.asarray(row.vector, np.float32).tolist() == np.float32([7, 1, 0.1]).tolist()


def test_migrate_from_pinecone(tmp_path: Path) -> None:
    export = tmp_path / "export"
    for namespace in ("films", "series", "bare"):
        (export / namespace).mkdir(parents=True)
    sparse = {"indices": [1, 5], "values": [0.5, 0.25]}
    values = [[1.0, 0.5, 0.25], [0.0, 1.0, 0.0]]
    for part, ids in enumerate((["a", "b"], ["c", "d"])):
        columns = {
            "id": pa.array(ids),
            "values": pa.array(values, pa.list_(pa.float32())),
            "sparse_values": pa.array([sparse, None]),
            "metadata": pa.array([json.dumps({"genre": "horror", "year": 1979}), None]),
        }
        pq.write_table(pa.table(columns), export / "films" / f"{part}.parquet")
    pq.write_table(pa.table({"id": ["x"], "values": [values[0]]}), export / "bare" / "0.parquet")
    lines = [
        {"id": "e", "values": values[0]},
        {"id": "f", "values": values[1], "metadata": {"n": 1}, "sparse_values": sparse},
    ]
    (export / "series" / "0.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run("migrate_from_pinecone", export, "--target", tmp_path / "data")
    with Client(tmp_path / "data") as client:
        assert {index.name: client.index(index.name).count() for index in client.indexes()} == {
            "bare": 1,
            "films": 4,
            "series": 2,
        }
        assert client.index("films")["a"].metadata == {"genre": "horror", "year": 1979}
        assert client.index("films")["b"].metadata is None
        assert list(client.index("films")["c"].vector or ()) == values[0]
        assert client.index("series")["f"].metadata == {"n": 1}


def test_migrate_from_chroma(tmp_path: Path) -> None:
    import chromadb  # noqa: PLC0415  takes a second to import

    database = chromadb.PersistentClient(str(tmp_path / "chroma"))
    films = database.create_collection("films", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None)
    films.add(
        ids=[f"film-{at}" for at in range(1_500)],
        embeddings=[[at, 1.0, 0.25] for at in range(1_500)],
        metadatas=[{"at": at} if at % 2 else None for at in range(1_500)],
        documents=[f"text {at}" for at in range(1_500)],
    )
    points = database.create_collection("points", configuration={"hnsw": {"space": "l2"}}, embedding_function=None)
    points.add(ids=["origin"], embeddings=[[0.0, 0.0]])
    database.create_collection("empty", embedding_function=None)
    run("migrate_from_chroma", tmp_path / "chroma", "--target", tmp_path / "data")
    with Client(tmp_path / "data") as client:
        assert [index.name for index in client.indexes()] == ["films", "points"]
        assert client.index("films").count() == 1_500
        assert client.index("films")["film-7"].metadata == {"at": 7, "document": "text 7"}
        assert client.index("films")["film-8"].metadata == {"document": "text 8"}
        assert list(client.index("films")["film-7"].vector or ()) == pytest.approx([7, 1, 0.25])
        assert client.index("points").info().distance == "euclidean"
        assert client.index("points")["origin"].metadata is None
