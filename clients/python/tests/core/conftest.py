"""A deployment to call: a folder in this process, or the same over HTTP on loopback."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from vectord_client.embedded.listening import Server
from vectord_client.embedded.options import Options


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
