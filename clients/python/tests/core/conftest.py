"""A deployment to call: a folder in this process, or the same over HTTP on loopback."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from tests.core.asking import Ask, ask_by_coroutine, ask_directly
from tests.core.credentials import SECRET

from vectord_client.embedded.listening import Server
from vectord_client.embedded.requirements import Options


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Yield the URL of `vectord serve` over a folder of its own."""
    with Server(tmp_path / "served", "127.0.0.1", 0, open_to_network=False, options=Options()) as server:
        thread = Thread(target=server.run)
        thread.start()
        yield server.url
        server.close()
        thread.join()


@pytest.fixture(params=["embedded", "http"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a folder, then the URL of a server over one."""
    if request.param == "http":
        return str(request.getfixturevalue("url"))
    return str(tmp_path / "embedded")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide variables of the machine that would change what a client does."""
    for name in ("VECTORD_URL", "VECTORD_TOKEN", "VECTORD_AUTH", "VECTORD_EMBEDDER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def aws_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set credentials in the environment, and hide those of the machine."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(params=[ask_directly, ask_by_coroutine], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Return a function that asks a URL for the description of the index `films`."""
    asked: Ask = request.param
    return asked
