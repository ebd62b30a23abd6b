"""Run a suite of tests in a process of its own, and read what became of each test."""

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

OPTIONS = ["--color=no", "-p", "no:cacheprovider", "--override-ini=asyncio_default_fixture_loop_scope=function"]


@dataclass(frozen=True)
class Outcome:
    """The names of the tests by their outcome, and all that the suite printed."""

    passed: Sequence[str]
    failed: Mapping[str, str]  # with the message of the failure
    skipped: Sequence[str]
    output: str


def run_pytest(folder: Path, tests: str, environment: Mapping[str, str]) -> Outcome:
    """Run a suite of pytest with the settings of its own pyproject.toml."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report.xml")
        command = [sys.executable, "-m", "pytest", tests, *OPTIONS, f"--junitxml={report}"]
        return _run(command, folder, environment, report)


def run_node(folder: Path, tests: str, environment: Mapping[str, str]) -> Outcome:
    """Run a suite of Node's test runner."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report.xml")
        command = ["node", "--test", "--test-reporter=junit", f"--test-reporter-destination={report}", tests]
        return _run(command, folder, environment, report)


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str], report: Path) -> Outcome:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert report.exists(), output
    passed, failed, skipped = [], {}, []
    for case in ET.parse(report).iter("testcase"):
        name = case.attrib["name"]
        problem = next((case.find(kind) for kind in ("failure", "error") if case.find(kind) is not None), None)
        if problem is not None:
            failed[name] = problem.attrib["message"]
        elif case.find("skipped") is not None:
            skipped.append(name)
        else:
            passed.append(name)
    assert not [name for name, count in Counter([*passed, *failed, *skipped]).items() if count > 1], output
    return Outcome(passed, failed, skipped, output)
