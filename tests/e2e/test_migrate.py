"""The migration command copies an index over HTTP into the stack."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backends import CREDENTIALS
from tests.support.moto_vectors import MotoVectors, moto_vectors
from tools.command.paths import ROOT
from tools.migrate.connect import API_GATEWAY, session, vectors_client
from tools.stack.client import Client
from tools.stack.stack import Stack

DIMENSION, COUNT = 384, 2_500
INDEX = {"vectorBucketName": "moved-films", "indexName": "plots"}


@pytest.fixture
def source() -> Iterator[MotoVectors]:
    with moto_vectors() as made:
        made.client.create_vector_bucket(vectorBucketName="moved-films")
        made.client.create_index(
            **INDEX,
            dataType="float32",
            dimension=DIMENSION,
            distanceMetric="cosine",
            metadataConfiguration={"nonFilterableMetadataKeys": ["plot"]},
            tags={"team": "search"},
        )
        for start in range(0, COUNT, 500):
            made.client.put_vectors(
                **INDEX,
                vectors=[
                    {
                        "key": f"película {row}",
                        "data": {"float32": [(row * 31 + i * 17) % 101 / 7 for i in range(DIMENSION)]},
                        "metadata": {"row": row, "title": f"Ünï {row}"},
                    }
                    for row in range(start, start + 500)
                ],
            )
        yield made


def test_an_index_is_copied_into_the_stack(source: MotoVectors, stack: Stack, api: Client, tmp_path: Path) -> None:
    arguments = ["moved-films/plots", "--to", stack.url, "--authorization", "none", "--endpoint-url", source.endpoint]
    ran = subprocess.run(
        [sys.executable, "-m", "tools.migrate", *arguments, "--state", str(tmp_path / "state.json")],
        cwd=ROOT,
        env={**os.environ, **CREDENTIALS},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert f"verified: {COUNT:,} vectors in the source, {COUNT:,} in vectord; 0 missing" in ran.stdout
    assert api.call("GET", "/indexes/moved-films_plots").body["count"] == COUNT
    client = vectors_client(session(None, "us-east-1"), stack.url, API_GATEWAY, unsigned=True)
    index = client.get_index(**INDEX)["index"]
    assert index["metadataConfiguration"] == {"nonFilterableMetadataKeys": ["plot"]}
    assert client.list_tags_for_resource(resourceArn=index["indexArn"])["tags"] == {"team": "search"}
    client.delete_index(**INDEX)
    client.delete_vector_bucket(vectorBucketName="moved-films")
