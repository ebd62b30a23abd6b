"""The first search of a process reads the codes of partitions while the engine is imported, and asks for them once."""

import base64
import json
from collections.abc import Iterator, Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import cold_process, datasets
from tests.support.cold_process import Process, a_search
from tests.support.http_server import Answer, ScriptedServer, ranged, refuses
from tests.support.vectors import F32
from vectord.index.codec.encode import encode
from vectord.index.mutations import with_rows
from vectord.index.rows import Rows
from vectord.index.state import empty_index
from vectord.lhv1.params import new_params
from vectord.service.values.options import SEARCH_HEAD_BYTES

pytestmark = pytest.mark.slow  # a large index, and two processes for each test

DIMENSION, ROWS = 128, 20_000
AT_ONCE = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}  # imports the engine first, and reads nothing early
HEAD = f"bytes=0-{SEARCH_HEAD_BYTES - 1}"


def drawn(rows: int, seed: int) -> F32:
    return datasets.textlike(DIMENSION)(np.random.default_rng(seed), rows)


@cache
def blob() -> bytes:
    """Return an index that is too large to be read whole."""
    rows = Rows([f"row-{number}" for number in range(ROWS)], drawn(ROWS, 1), {})
    return encode(with_rows(empty_index(new_params("t", DIMENSION, m=1)), rows), "t", "c1").blob


QUERY = drawn(1, 9)[0]


def near(**body: Any) -> dict[str, Any]:
    return a_search(vector=QUERY.tolist(), recall=0.8, **body)


def requests_of(server: ScriptedServer) -> list[tuple[str, str | None]]:
    """Return the ranges that were requested and at which ETag, and forget them."""
    found = sorted((headers["Range"], headers["If-Match"]) for headers in server.headers)
    server.headers.clear()
    return found


def body_of(process: Process) -> dict[str, Any]:
    [answer] = process.answers
    assert answer["statusCode"] == 200, answer
    body: dict[str, Any] = json.loads(answer["body"])
    return {name: value for name, value in body.items() if name not in {"milliseconds", "next"}}


@pytest.fixture
def large(server: ScriptedServer) -> ScriptedServer:
    server.answer = ranged(blob())
    return server


def both(server: ScriptedServer, event: Mapping[str, Any]) -> tuple[Process, Process]:
    """Return what a process answers that reads early, and one that does not; their requests must be the same."""
    process = cold_process.run(server.endpoint, [event])
    requests = requests_of(server)
    other = cold_process.run(server.endpoint, [event], **AT_ONCE)
    assert requests == requests_of(server)
    assert body_of(process) == body_of(other)
    assert not other.early
    return process, other


@pytest.mark.parametrize(
    "event",
    [
        near(),
        a_search(vector=base64.b64encode(QUERY.tobytes()).decode(), recall=0.8),
        a_search(vector=QUERY.tolist(), recall=0.9, k=30, include=["metadata", "vector"]),
        near(max_distance=0.5, filter=None),
    ],
    ids=["numbers", "base64", "more matches", "a largest distance"],
)
def test_codes_are_read_early_with_the_same_requests_and_the_same_answer(
    large: ScriptedServer, event: Mapping[str, Any]
) -> None:
    process, _ = both(large, event)
    assert len(process.early) > 1
    body = body_of(process)
    assert (body["strategy"], body["plan"], body["rounds"]) == ("partitions", "ranges", 3)


@pytest.mark.parametrize(
    "event",
    [
        a_search(id="row-5", vector=None, recall=0.8),
        a_search(vectors=[QUERY.tolist()] * 2, vector=None, recall=0.8),
        near(filter={"a": 1}),
        near(ef_search=50),
        a_search(vector=QUERY.tolist(), recall=1.0),
    ],
    ids=["an id", "several vectors", "a filter", "an effort", "exact"],
)
def test_a_search_that_may_read_something_else_reads_only_the_head_early(
    large: ScriptedServer, event: Mapping[str, Any]
) -> None:
    process, _ = both(large, event)
    assert process.imported == [False, False]  # a read was begun
    assert not process.early


def test_a_further_page_reads_only_the_head_early(large: ScriptedServer) -> None:
    [first] = cold_process.run(large.endpoint, [near()], **AT_ONCE).answers
    large.headers.clear()
    process, _ = both(large, near(after=json.loads(first["body"])["next"]))
    assert not process.early


def test_a_vector_that_the_search_refuses_reads_no_codes(large: ScriptedServer) -> None:
    for vector in ([1.0, 2.0], "no base64", "AAAA", []):
        process = cold_process.run(large.endpoint, [a_search(vector=vector)])
        assert [answer["statusCode"] for answer in process.answers] == [422]
        assert not process.early


def test_an_index_that_changed_after_its_head_is_read_again(server: ScriptedServer) -> None:
    before, after = ranged(blob(), ETag='"e1"'), ranged(blob(), ETag='"e2"')
    heads: Iterator[Answer] = iter((before, after))

    def answer(handler: BaseHTTPRequestHandler) -> None:
        etag = handler.headers["If-Match"]
        if etag is None:
            next(heads)(handler)
        else:
            (after if etag == '"e2"' else refuses(412, "PreconditionFailed"))(handler)

    server.answer = answer
    process = cold_process.run(server.endpoint, [near()])
    body = body_of(process)
    assert process.early
    refused = [byte_range for byte_range, etag in requests_of(server) if etag == '"e1"']
    assert len(refused) == len(set(refused)) == len(process.early)
    server.answer = after
    assert body["matches"] == body_of(cold_process.run(server.endpoint, [near()], **AT_ONCE))["matches"]


def test_codes_that_fail_early_are_read_by_the_search(server: ScriptedServer) -> None:
    whole, failed = ranged(blob()), set[str]()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers["Range"]
        fails = wanted != HEAD and wanted not in failed
        failed.add(wanted)
        (refuses(503, "SlowDown") if fails and len(failed) < 4 else whole)(handler)

    server.answer = answer
    process = cold_process.run(server.endpoint, [near()])
    assert body_of(process)["plan"] == "ranges"
    assert len(process.early) > 1


def test_nothing_is_read_early_that_an_earlier_process_may_have_left(large: ScriptedServer, tmp_path: Path) -> None:
    sections = tmp_path / "vectord-sections"
    sections.mkdir()
    assert cold_process.run(large.endpoint, [near()], tmp_path).early
    (sections / "section").write_bytes(b"")
    assert not cold_process.run(large.endpoint, [near()], tmp_path).early


def test_an_index_that_the_cache_cannot_hold_is_read_in_another_order(large: ScriptedServer) -> None:
    assert not cold_process.run(large.endpoint, [near()], VECTORD_TMP_MB="10").early
