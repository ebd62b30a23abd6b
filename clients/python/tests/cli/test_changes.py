"""--async and `vectord change`, beside a service with a queue, which a script plays, and one without."""

import json
from collections.abc import Iterator

import pytest
from tests.cli.support import Vectord, server

TOKEN = "5d2c0f9e0b6a4c1f8e7d3a2b1c0d9e8f"
QUEUED = {"token": TOKEN, "state": "queued"}
APPLIED = {**QUEUED, "state": "applied", "result": {"added": 2, "replaced": 1, "count": 3}, "etag": '"e"'}
PROBLEM = {"type": "urn:vectord:problem:index-not-found", "title": "No such index", "status": 404, "detail": "gone"}
INFO = {
    "index": {"name": "films", "dimension": 2, "m": 16, "ef_search": 20, "distance": "cosine"},
    "count": 1,
    "bytes": 280,
    "graph": {"bytes": 0},
    "calibration": {},
}
ROW = '{"id": "a", "vector": [1, 0]}\n'


class Script:
    """The states that a change has, one after the other, and the requests that were sent."""

    def __init__(self) -> None:
        self.states: list[dict[str, object]] = [QUEUED]
        self.requests: list[str] = []

    def answer(self, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        self.requests.append(f"{method} {path}")
        if "/changes/" in path:
            body = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        else:
            body = INFO if method == "GET" else QUEUED
        status = 200 if method == "GET" else 202
        return status, {"content-type": "application/json"}, json.dumps(body).encode()


@pytest.fixture
def script(vectord: Vectord) -> Iterator[Script]:
    script = Script()
    with server(script.answer) as url:
        vectord.environment["VECTORD_URL"] = url
        yield script


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (["rm", "films", "alien", "--async", "--yes"], "POST /indexes/films/vectors/delete"),
        (["rm", "films", "--all", "--async", "--yes"], "POST /indexes/films/vectors/delete"),
        (["add", "films", "-", "--async"], "POST /indexes/films/vectors"),
    ],
)
def test_a_queued_change_prints_its_token(vectord: Vectord, script: Script, words: list[str], sent: str) -> None:
    assert vectord.lines(*words, stdin=ROW) == [{"index": "films", **QUEUED}]
    assert script.requests[-1] == sent


def test_a_change_can_be_waited_for(vectord: Vectord, script: Script) -> None:
    script.states = [QUEUED, APPLIED]
    [line] = vectord.lines("change", "films", TOKEN, "--wait", "30")
    assert line == {"index": "films", "token": TOKEN, "state": "applied", **APPLIED["result"], "etag": '"e"'}  # type: ignore[dict-item]
    assert script.requests == [f"GET /indexes/films/changes/{TOKEN}"] * 2


def test_the_state_is_printed_without_waiting(vectord: Vectord, script: Script) -> None:
    assert vectord.lines("change", "films", TOKEN) == [{"index": "films", **QUEUED}]
    done = vectord("change", "films", TOKEN, "--table")
    assert done.stdout == f"The change {TOKEN} of films is queued.\n"


def test_a_change_that_is_queued_too_long_is_unavailable(vectord: Vectord, script: Script) -> None:
    done = vectord("change", "films", TOKEN, "--wait", "0.1", code=6)
    assert "still queued" in done.stderr
    assert "vectord change" in done.stderr


@pytest.mark.parametrize("wait", [[], ["--wait", "5"]])
def test_a_failed_change_has_the_exit_code_of_its_problem(vectord: Vectord, script: Script, wait: list[str]) -> None:
    script.states = [{**QUEUED, "state": "failed", "problem": PROBLEM}]
    done = vectord("change", "films", TOKEN, *wait, code=3)
    assert json.loads(done.stdout)["state"] == "failed"
    assert "does not exist" in done.stderr or "gone" in done.stderr


def test_a_row_that_is_not_valid_is_not_queued(vectord: Vectord, script: Script) -> None:
    vectord("add", "films", "-", "--async", stdin='{"id": "a", "vector": [1]}\n', code=7)
    assert script.requests == ["GET /indexes/films"] * 2


@pytest.mark.parametrize("words", [["films"], ["films", "a", "--dry-run"]])
def test_only_rows_are_deleted_by_a_queued_change(vectord: Vectord, script: Script, words: list[str]) -> None:
    vectord("rm", *words, "--async", "--yes", code=2)
    assert script.requests == []


def test_texts_are_not_queued(vectord: Vectord, script: Script) -> None:
    vectord("add", "films", "-", "--async", "--text", "plot", stdin=ROW, code=2)


def test_without_a_queue_a_change_is_applied_at_once(films: Vectord) -> None:
    [line] = films.lines("patch", "films", '{"seen": true}', "--id", "alien", "--async")
    assert (line["token"], line["state"], line["patched"]) == (None, "applied", 1)
    films("change", "films", TOKEN, code=3)
