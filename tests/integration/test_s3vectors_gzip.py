"""Compressed bodies of real boto3 clients, behind a gateway that passes textual types on as text."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError

from tests.support.api import Api
from tests.support.backends import CREDENTIALS
from tests.support.s3vectors import ARN_PREFIX
from tests.support.served import Served, served

ASSETS = Path(__file__).parents[2] / "assets/botocore"
DIMENSION, COUNT = 384, 500
INDEX = {"vectorBucketName": "films", "indexName": "plots"}


@pytest.fixture
def target(ephemeral: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    for name, value in {**CREDENTIALS, "VECTORD_ARN_PREFIX": ARN_PREFIX, "AWS_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    with served(ephemeral) as found:
        yield found


def client(target: Served, files: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a client with a vector bucket and an index, of a session that finds the files in a folder."""
    monkeypatch.setenv("AWS_DATA_PATH", str(files))
    made = boto3.Session(botocore_session=botocore.session.Session()).client("s3vectors", endpoint_url=target.url)
    made.create_vector_bucket(vectorBucketName="films")
    made.create_index(**INDEX, dataType="float32", dimension=DIMENSION, distanceMetric="cosine")
    return made


def vectors() -> list[dict[str, Any]]:
    return [{"key": f"é{row}", "data": {"float32": [row + 0.1] * DIMENSION}} for row in range(COUNT)]


@pytest.mark.slow
def test_a_put_that_the_files_compress_is_stored(target: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    made = client(target, ASSETS, monkeypatch)
    made.put_vectors(**INDEX, vectors=vectors())
    keys = {one["key"] for one in made.list_vectors(**INDEX, maxResults=COUNT)["vectors"]}
    assert keys == {f"é{row}" for row in range(COUNT)}


@pytest.mark.slow
def test_a_put_that_the_first_file_alone_compresses_is_refused_with_advice(
    target: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(ASSETS, tmp_path / "models")
    for file in (tmp_path / "models").rglob("endpoint-rule-set-1.sdk-extras.json"):
        file.unlink()
    made = client(target, tmp_path / "models", monkeypatch)
    with pytest.raises(ClientError, match=r"ValidationException.*needs both files of assets/botocore"):
        made.put_vectors(**INDEX, vectors=vectors())
