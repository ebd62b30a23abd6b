"""One S3 emulator for all reliability tests, the seed at the start of the run, and the figures at its end."""

from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.reliability import run
from tests.reliability.faulted import FORMS
from tests.support.backends import CREDENTIALS
from tests.support.faults_service import Bucket
from tools.command import interrupts
from tools.command.run import forget_account, scratch_folder
from tools.proxy.server import Proxy, proxy
from tools.stack.ministack import HOST, free_port, ministack
from vectord.index.thresholds import Thresholds
from vectord.service.snapshots import cache

CASES = 8  # of a test, in the short form


def pytest_configure(config: pytest.Config) -> None:
    """Ignore that the garbage collector closes a connection on which half a response came."""
    config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")


def pytest_report_header() -> str:
    return f"VECTORD_SEED={run.SEED} repeats the schedule of this run; {'long' if run.LONG else 'short'} form"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In the short form run a random sample of the cases of each test, unless the command line names tests."""
    if run.LONG or config.option.keyword or any("::" in argument for argument in config.args):
        return
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        cases[item.nodeid.partition("[")[0]].append(item)
    left = {
        item
        for name, some in cases.items()
        if "tests/reliability/" in name
        for item in run.chance("cases", name).sample(some, max(0, len(some) - CASES))
    }
    config.hook.pytest_deselected(items=sorted(left, key=items.index))
    items[:] = [item for item in items if item not in left]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section(f"figures of VECTORD_SEED={run.SEED}")
    for line in run.figures():
        terminalreporter.line(line)


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The URL of an S3 whose conditions hold when writers race."""
    interrupts.install()
    forget_account()
    port = free_port()
    with pytest.MonkeyPatch.context() as patch, scratch_folder() as folder:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        with ministack(folder, port, persist=False):
            yield f"http://{HOST}:{port}"


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a search ask for the head first and for the rest after it, as for an index much larger than a test's."""
    monkeypatch.setattr(cache, "SEARCH_HEAD_BYTES", cache.HEAD_BYTES)


@pytest.fixture
def bucket(endpoint: str) -> Bucket:
    """A new bucket."""
    return Bucket(endpoint)


@pytest.fixture
def proxied(bucket: Bucket) -> Iterator[Proxy]:
    """A proxy before the bucket, which can add faults."""
    with proxy(bucket.endpoint) as before:
        yield before


@pytest.fixture(params=FORMS)
def sizes(request: pytest.FixtureRequest) -> Thresholds:
    """The thresholds of the plain and of the packed form."""
    return FORMS[request.param]
