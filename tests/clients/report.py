"""The table at the end: for each client, what ran, how much of it passed, and the seconds."""

from collections import Counter, defaultdict
from importlib import metadata

import pytest


class Report:
    """Counts the tests of each client: ours, and those of the suites that a test ran in a process of its own."""

    def __init__(self) -> None:
        self._clients: dict[str, str] = {}
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._seconds: Counter[str] = Counter()
        self._deselected = 0

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self._clients[item.nodeid.partition("::")[0]] = item.getparent(pytest.Module).obj.CLIENT

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self._deselected += len(items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        client = self._clients[report.nodeid.partition("::")[0]]
        self._seconds[client] += report.duration
        if report.when == "call" or report.outcome != "passed":
            self._counts[client][report.outcome] += 1
            if report.when == "call":
                self._counts[client].update(dict(report.user_properties))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        skipped = sum(counts["skipped"] for counts in self._counts.values())
        if session.config.getoption("whole") and (skipped or self._deselected):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("clients")
        for client, counts in self._counts.items():
            ran = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
            terminalreporter.line(f"{_release(client):<36} {self._seconds[client]:6.1f} s   {ran}")
        if self._deselected:
            terminalreporter.line(f"{self._deselected} tests were deselected")


def _release(client: str) -> str:
    return client if " " in client else f"{client} {metadata.version(client)}"
