"""The first search of a process: its first request is sent before the engine is imported, and is not sent twice."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from tests.support import cold_process
from tests.support.cold_process import a_search
from tests.support.forged import GOLDEN
from tests.support.http_server import ScriptedServer, answers, in_turn, ranged, refuses
from vectord.index.codec.encode import encode
from vectord.index.mutations import with_rows
from vectord.index.rows import Rows
from vectord.index.state import empty_index
from vectord.lhv1.params import new_params
from vectord.service.values.options import SEARCH_HEAD_BYTES

pytestmark = pytest.mark.slow  # new processes

BLOB = (GOLDEN / "packed.lhv1").read_bytes()


def run(
    server: ScriptedServer, events: Sequence[Mapping[str, Any]], **environment: str
) -> tuple[list[dict[str, Any]], list[bool]]:
    """Return the answers, and whether the engine was imported after the handler, and when a head was begun."""
    process = cold_process.run(server.endpoint, events, **environment)
    return process.answers, process.imported


def some_rows(count: int) -> Rows:
    vectors = np.random.default_rng(1).standard_normal((count, 33)).astype(np.float32)
    return Rows([f"row-{number}" for number in range(count)], vectors, {})


def matches_of(answer: Mapping[str, Any]) -> Any:
    assert answer["statusCode"] == 200, answer
    return json.loads(answer["body"])["matches"]


def test_the_first_request_is_sent_before_the_engine_is_imported(server: ScriptedServer) -> None:
    server.answer = ranged(BLOB)
    _, imported = run(server, [a_search()])
    assert imported == [False, False]


@pytest.mark.parametrize("kind", ["snap-start", "provisioned-concurrency"])
def test_a_process_that_is_initialized_ahead_imports_the_engine_at_once(server: ScriptedServer, kind: str) -> None:
    server.answer = ranged(BLOB)
    _, imported = run(server, [a_search()], AWS_LAMBDA_INITIALIZATION_TYPE=kind)
    assert imported == [True]


def test_a_deferred_import_changes_neither_the_requests_nor_the_answer(server: ScriptedServer) -> None:
    server.answer = ranged(BLOB)
    [at_once], _ = run(server, [a_search()], AWS_LAMBDA_INITIALIZATION_TYPE="snap-start")
    requests = [(headers["Range"], headers["If-Match"]) for headers in server.headers]
    server.headers.clear()
    [deferred], _ = run(server, [a_search()])
    assert [(headers["Range"], headers["If-Match"]) for headers in server.headers] == requests
    assert matches_of(deferred) == matches_of(at_once)


@pytest.mark.parametrize(
    ("event", "environment"),
    [
        ({**a_search(), "routeKey": "POST /indexes/{name}/recall"}, {}),
        (a_search("not a name"), {}),
        (a_search(as_of='"e1"'), {}),
        ({**a_search(), "body": "{"}, {}),
        ({**a_search(), "isBase64Encoded": True}, {}),
        (a_search(), {"VECTORD_ACCESS_CLAIM": "rights"}),
        (a_search(), {"VECTORD_STORE": ""}),
    ],
    ids=["another route", "no name", "an earlier state", "no JSON", "base64", "rights to check", "memory"],
)
def test_no_read_is_begun_that_the_search_may_not_need(
    server: ScriptedServer, event: Mapping[str, Any], environment: Mapping[str, str]
) -> None:
    server.answer = refuses(404, "NoSuchKey")
    _, imported = run(server, [event], **environment)
    assert imported == [False]


def test_a_head_that_a_refused_search_left_is_not_used_by_the_next_one(server: ScriptedServer) -> None:
    server.answer = ranged(BLOB)
    answered, imported = run(server, [a_search(k=-1), a_search()])
    assert [each["statusCode"] for each in answered] == [422, 200]
    assert imported == [False, False]
    assert [headers["Range"] for headers in server.headers].count(f"bytes=0-{SEARCH_HEAD_BYTES - 1}") == 2


def test_an_index_that_is_missing_is_answered_as_without_the_early_request(server: ScriptedServer) -> None:
    server.answer = refuses(404, "NoSuchKey")
    [answer], imported = run(server, [a_search()])
    assert (answer["statusCode"], imported) == (404, [False, False])
    assert len(server.requests) == 1


def test_a_first_request_that_fails_is_sent_again_like_any_other(server: ScriptedServer) -> None:
    server.answer = in_turn(answers(500), ranged(BLOB), *[ranged(BLOB)] * 9)
    [answer], _ = run(server, [a_search()])
    assert answer["statusCode"] == 200


def test_an_index_of_some_megabytes_is_read_whole_during_the_imports(server: ScriptedServer) -> None:
    index = with_rows(empty_index(new_params("t", 33)), some_rows(4_000))
    blob = encode(index, "t", "c1").blob
    assert 1_000_000 < len(blob) < 4_800_000
    server.answer = ranged(blob)
    [answer], imported = run(server, [a_search()])
    assert imported == [False, False]
    body = json.loads(answer["body"])
    first, second = (headers["Range"] for headers in server.headers)
    assert first == f"bytes=0-{SEARCH_HEAD_BYTES - 1}"
    assert second == f"bytes={SEARCH_HEAD_BYTES}-{len(blob) - 1}"
    assert server.headers[1]["If-Match"] == '"e1"'
    assert (body["requests"], body["rounds"], body["bytes_read"]) == (2, 2, len(blob))


def test_an_index_whose_second_read_fails_is_read_by_the_search(server: ScriptedServer) -> None:
    index = with_rows(empty_index(new_params("t", 33)), some_rows(4_000))
    blob = encode(index, "t", "c1").blob
    server.answer = in_turn(ranged(blob), answers(500), *[ranged(blob)] * 9)
    [answer], _ = run(server, [a_search()])
    assert answer["statusCode"] == 200
    assert len(server.requests) == 3
