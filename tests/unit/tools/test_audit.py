"""Known vulnerabilities of the pins: a database that is asked, and a copy of its advisories."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tools.checks import advisories, audit
from tools.command.errors import CheckFailed
from tools.env.pins import Pin

pytestmark = pytest.mark.slow

HASH = "ab" * 32
ONE, TWO = Pin("one", "1.0", (HASH,)), Pin("two", "2.0", (HASH,))
CONTROL = {audit.CONTROL.purl: ["PYSEC-CONTROL"]}


@contextmanager
def database(known: Mapping[str, list[str]] | bytes) -> Iterator[str]:
    """Serve advisories by package URL as OSV does, or any bytes; yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if self.path == "/v1/query" else 404)
            self.end_headers()
            self.wfile.write(known if isinstance(known, bytes) else json.dumps(self._answer(query)).encode())

        def _answer(self, query: dict[str, Any]) -> dict[str, Any]:
            assert not isinstance(known, bytes)
            assert query["package"]["ecosystem"] == "PyPI"
            ids = known.get(Pin(query["package"]["name"], query["version"]).purl, [])
            return {"vulns": [{"id": one, "affected": [], "summary": ""} for one in ids]} if ids else {}

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_known_vulnerabilities_are_named_and_only_those_of_what_ships_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = Pin("Two", "2.1")  # a second version of a package, in another environment
    known = CONTROL | {"pkg:pypi/one@1.0": ["PYSEC-2", "GHSA-1"], "pkg:pypi/two@2.0": ["GHSA-1"]}
    with database(known) as url, pytest.raises(CheckFailed, match=r": one 1\.0$"):
        audit.report([ONE], [TWO, later], url, tmp_path)
    printed = capsys.readouterr().out
    assert "one 1.0 (ships): GHSA-1, PYSEC-2" in printed
    assert "two 2.0 (builds or tests): GHSA-1" in printed
    assert "checked 1 shipped and 2 other pins: 2 have" in printed


def test_an_answer_to_another_question_is_not_taken_for_no_vulnerabilities(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with database(b'{"code": 3}') as url:
        audit.report([ONE], [TWO], url, tmp_path)
    assert capsys.readouterr().out.startswith("SKIPPED audit: 1 shipped and 1 other pins were NOT checked")


def test_a_database_that_cannot_be_reached_is_a_skip_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with database({}) as url:
        pass
    audit.report([ONE], [], url, tmp_path)
    printed = capsys.readouterr().out
    assert printed.startswith("SKIPPED audit: ")
    assert url in printed


def advisory(folder: Path, number: int, package: str, more: str, affected: str) -> None:
    """Write an advisory in the format of the PyPA."""
    path = folder / "vulns" / package / f"PYSEC-{number}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"id: PYSEC-{number}\nmodified: '2024-03-0{number}T10:00:00Z'\n{more}affected:\n"
        f"- package:\n    name: {package}\n    ecosystem: PyPI\n{affected}"
    )


LISTED = "  versions:\n  - '1.0'\n  - 1.10\n  - 2004d\n"
RANGE = "  ranges:\n  - type: ECOSYSTEM\n    events:\n    - introduced: '0'\n    - fixed: 1.2.3\n"
TWICE = RANGE + "    - introduced: 2.0\n    - last_affected: 2.2\n"
COMMITS = "  ranges:\n  - type: GIT\n    repo: x\n    events:\n    - introduced: '0'\n    - fixed: abc\n"


@pytest.mark.parametrize(
    ("affected", "version", "hit"),
    [
        pytest.param(LISTED, "1.0", True, id="listed"),
        pytest.param(LISTED, "1.0.0", True, id="listed in another spelling"),
        pytest.param(LISTED, "1.10", True, id="listed, and not a number"),
        pytest.param(LISTED, "1.1", False, id="not listed"),
        pytest.param(LISTED, "1.0.1", False, id="after one that is listed"),
        pytest.param(RANGE, "0.1a1", True, id="from the beginning"),
        pytest.param(RANGE, "1.2.2", True, id="before the fix"),
        pytest.param(RANGE, "1.2.3rc1", True, id="before the release of the fix"),
        pytest.param(RANGE, "1.2.3", False, id="fixed"),
        pytest.param(RANGE, "1.10", False, id="after the fix, though not in the order of texts"),
        pytest.param(TWICE, "1.9", False, id="between two ranges"),
        pytest.param(TWICE, "2.0", True, id="introduced again"),
        pytest.param(TWICE, "2.2", True, id="the last affected"),
        pytest.param(TWICE, "2.2.1", False, id="after the last affected"),
        pytest.param(RANGE.replace("1.2.3", "2004d"), "3.0", True, id="bounds that cannot be compared"),
        pytest.param(COMMITS, "1.0", False, id="commits alone"),
        pytest.param(COMMITS + LISTED, "1.0", True, id="commits, and versions"),
        pytest.param(
            LISTED.replace("1.0", "9") + "- package: {name: one, ecosystem: npm}\n" + LISTED, "1.0", False, id="npm's"
        ),
    ],
)
def test_a_copy_of_the_advisories_is_evaluated_by_the_rules_of_osv(
    affected: str, version: str, hit: bool, tmp_path: Path
) -> None:
    advisory(tmp_path, 1, "one", "", affected)
    pin = Pin("one", version)
    assert advisories.known([pin], tmp_path) == ({pin: ["PYSEC-1"]} if hit else {})


def test_a_withdrawn_advisory_of_a_copy_is_ignored(tmp_path: Path) -> None:
    advisory(tmp_path, 1, "one", "withdrawn: '2024-03-05T00:00:00Z'\n", LISTED)
    advisory(tmp_path, 2, "one", "", LISTED)
    assert advisories.known([ONE], tmp_path) == {ONE: ["PYSEC-2"]}


@pytest.mark.parametrize(("name", "written"), [("Some.Thing", "some-thing"), ("some-thing", "Some_Thing")])
def test_another_spelling_of_a_name_is_found_in_a_copy(name: str, written: str, tmp_path: Path) -> None:
    advisory(tmp_path, 1, written, "", LISTED)
    assert advisories.known([Pin(name, "1.0")], tmp_path) == {Pin(name, "1.0"): ["PYSEC-1"]}
    assert advisories.known([Pin("some-thing-else", "1.0"), Pin("something", "1.0")], tmp_path) == {}


def test_a_copy_is_reported_with_its_age_and_fails_for_what_ships(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    advisory(tmp_path, 1, "one", "", LISTED)
    advisory(tmp_path, 4, "two", "", RANGE)
    audit.report_from_copy([TWO], [ONE], tmp_path)
    printed = capsys.readouterr().out
    assert "2 advisories, the newest of 2024-03-04: later vulnerabilities are NOT known" in printed
    assert "one 1.0 (builds or tests): PYSEC-1" in printed
    with pytest.raises(CheckFailed, match=r"one 1\.0"):
        audit.report_from_copy([ONE], [TWO], tmp_path)


def test_a_folder_without_advisories_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="has no"):
        audit.report_from_copy([ONE], [TWO], tmp_path)
