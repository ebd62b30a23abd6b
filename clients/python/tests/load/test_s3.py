"""A file of S3 is read by ranges of one version, and a replaced one is noticed."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer
from tests.load.files import FILES

from vectord_client import Client, Index
from vectord_client.errors import ArgumentInvalid
from vectord_client.load.errors import SourceChanged

REGION = "eu-central-1"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of S3 with the bucket `vectors`."""
    variables = {"ENDPOINT_URL": endpoint, "ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y", "DEFAULT_REGION": REGION}
    for name, value in variables.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    client = boto3.client("s3")
    with suppress(client.exceptions.BucketAlreadyOwnedByYou):
        client.create_bucket(Bucket="vectors", CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture
def films(tmp_path: Path) -> Iterator[Index]:
    with Client(tmp_path / "data") as client:
        yield client.create_index("films", dimension=8)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_each_format_is_loaded(
    name: str, *, s3: Any, films: Index, matrix: np.ndarray, tmp_path: Path, check: Callable
) -> None:
    FILES[name](tmp_path / name, matrix)
    s3.upload_file(str(tmp_path / name), "vectors", f"day 1/{name}")
    assert films.load(f"s3://vectors/day 1/{name}").added == 1_000
    check(films)


def test_an_object_that_is_replaced_while_it_is_loaded_is_an_error(
    s3: Any, films: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vectord_client.load.sources.s3._BUFFER", 1 << 20)
    vectors = np.random.default_rng(1).normal(size=(100_000, 8)).astype("f4")
    np.save(tmp_path / "m.npy", vectors)
    s3.upload_file(str(tmp_path / "m.npy"), "vectors", "m.npy")

    def replace(_done: int, _total: int | None) -> None:
        s3.put_object(Bucket="vectors", Key="m.npy", Body=b"other")

    with pytest.raises(SourceChanged, match=r"s3://vectors/m\.npy was replaced or removed while it was loaded"):
        films.load("s3://vectors/m.npy", batch_bytes=100_000, progress=replace)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://vectors/none.parquet", "cannot be read: .*404"),
        ("s3://none/none.parquet", "cannot be read: .*404"),
        ("s3://vectors", "names end with"),
        ("s3:///a.parquet", "is not s3://bucket/key"),
        ("https://host/a.parquet", "a load reads files, s3://bucket/key"),
    ],
)
def test_an_object_that_is_not_there_is_named(url: str, message: str, s3: Any, films: Index) -> None:
    del s3
    with pytest.raises(ArgumentInvalid, match=message):
        films.load(url)
