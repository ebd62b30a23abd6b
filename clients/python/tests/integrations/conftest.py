"""Where the tests of the adapters run: on a folder in this process, and over HTTP. Counts the outside suites' tests."""

import os
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from vectord_client.embedded.listening import Server
from vectord_client.embedded.requirements import Options

_RAN: Counter[str] = Counter()


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a deployment: VECTORD_TEST_URL, or that of a server on loopback."""
    given = os.environ.get("VECTORD_TEST_URL")
    if given:
        yield given
        return
    folder = tmp_path_factory.mktemp("served")
    with Server(folder, "127.0.0.1", 0, open_to_network=False, options=Options()) as server:
        thread = Thread(target=server.run)
        thread.start()
        yield server.url
    thread.join()


@pytest.fixture(params=["embedded", "http"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a folder or a URL."""
    if request.param == "embedded":
        return str(tmp_path / "data")
    found: str = request.getfixturevalue("url")
    return found


@pytest.fixture
def name() -> str:
    """Return the name of an index that does not exist."""
    return f"test-{uuid.uuid4().hex}"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed and "test_outside" in report.nodeid and "::Test" in report.nodeid:
        where = "embedded" if "[embedded" in report.nodeid else "http" if "[http" in report.nodeid else "no index"
        _RAN[f"{report.nodeid.split('::')[1]} ({where})"] += 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for suite, count in sorted(_RAN.items()):
        terminalreporter.write_line(f"outside suite {suite}: {count} passed")
