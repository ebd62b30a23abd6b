"""The whole API over an S3 stand-in on loopback, and over the in-memory store."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.api import Api
from tests.support.backends import CONFUSING, CREDENTIALS, S3Backend
from tests.support.films import YEARS


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test an empty folder for the section cache."""
    (tmp_path / "cache").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "cache"))


@pytest.fixture
def bucket(moto: str, one_authority: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> S3Backend:
    """A bucket that VECTORD_STORE names."""
    for name in CONFUSING:
        monkeypatch.delenv(name, raising=False)
    for name, value in {**CREDENTIALS, **one_authority}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    backend = S3Backend(moto)
    monkeypatch.setenv("VECTORD_STORE", f"s3://{backend.bucket}/{backend.prefix}")
    return backend


@pytest.fixture
def on_s3(bucket: S3Backend) -> Api:
    """The API as Lambda runs it: each function has its own process state."""
    return Api()


@pytest.fixture
def on_s3_in_one_process(bucket: S3Backend) -> Api:
    return Api(one_process=True)


@pytest.fixture
def ephemeral(monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.delenv("VECTORD_STORE", raising=False)
    return Api(one_process=True)


# Slow, because the contract tests run the store itself on S3.
ON_S3 = pytest.param("on_s3_in_one_process", marks=pytest.mark.slow)


@pytest.fixture(params=["ephemeral", ON_S3], ids=["ephemeral", "s3"])
def api(request: pytest.FixtureRequest) -> Api:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Api)
    return found


@pytest.fixture(params=["ephemeral", ON_S3], ids=["ephemeral", "s3"])
def api_with_versions(request: pytest.FixtureRequest) -> Api:
    """Deployments whose store keeps versions."""
    found = request.getfixturevalue(request.param)
    if request.param != "ephemeral":
        request.getfixturevalue("bucket").keep_versions()
    assert isinstance(found, Api)
    return found


@pytest.fixture(params=[1, 3], ids=["one blob", "shards"])
def films(request: pytest.FixtureRequest, ephemeral: Api) -> Api:
    """An API with index `t` of 12 films, each with its year, and `bare`, which has no metadata."""
    ephemeral.create(shards=request.param)
    made = [{"id": name, "vector": [1, year], "metadata": {"year": year}} for name, year in YEARS.items()]
    assert ephemeral.add(*made, {"id": "bare", "vector": [1, 0]}).status == 200
    return ephemeral
