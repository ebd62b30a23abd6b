"""Queued changes of both clients: with a queue, played by a server that answers 202, and without one."""

import asyncio
import json
from array import array
from base64 import b64decode
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

import pytest
from tests.support.raw_server import answer, raw_server

from vectord_client import (
    Added,
    ArgumentInvalid,
    AsyncClient,
    ChangeNotFound,
    ChangeState,
    Client,
    Deleted,
    Patched,
    PreconditionFailed,
    RetryPolicy,
    StillQueued,
    VectorNotFound,
)
from vectord_client.embedding.embedder import FunctionEmbedder

TOKEN = "5d2c0f9e0b6a4c1f8e7d3a2b1c0d9e8f"
ONCE = RetryPolicy(attempts=1)
PROBLEM = {
    "type": "urn:vectord:problem:precondition-failed",
    "title": "The precondition does not hold",
    "status": 412,
    "detail": "The index changed.",
}
WRITES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "add": (lambda i: i.queued.add([("a", [1, 0])]), "POST /indexes/films/vectors"),
    "patch": (lambda i: i.queued.patch({"n": 1}, ids=["a"]), "PATCH /indexes/films/vectors"),
    "delete": (lambda i: i.queued.delete(ids=["a"]), "POST /indexes/films/vectors/delete"),
    "remove": (lambda i: i.queued.remove("a"), "DELETE /indexes/films/vectors/a"),
    "remove an odd id": (lambda i: i.queued.remove("a?b"), "POST /indexes/films/vectors/delete"),
}


ACCEPTED = answer(202, {"token": TOKEN, "state": "queued"})
QUEUED = answer(200, {"token": TOKEN, "state": "queued"})
APPLIED = answer(
    200,
    {"token": TOKEN, "state": "applied", "result": {"added": 1, "replaced": 0, "count": 3}, "etag": '"e"'},
)
DESCRIBED = answer(
    200,
    {"index": {"name": "films", "dimension": 2, "m": 16, "ef_search": 20, "distance": "cosine"}}
    | {"count": 0, "bytes": 300, "graph": {"bytes": 0}, "calibration": {}},
)
FAILED = answer(200, {"token": TOKEN, "state": "failed", "problem": PROBLEM})


def of(kind: type[Any], url: str, use: Callable[[Any], Any], **options: Any) -> Any:
    """Return what `use` returns for the index `films` of a client of `kind`."""
    if kind is Client:
        with Client(url, retries=ONCE, **options) as client:
            return use(client.index("films"))

    async def run() -> Any:
        async with AsyncClient(url, retries=ONCE, **options) as client:
            return await _settled(use(client.index("films")))

    return asyncio.run(run())


async def _settled(value: Any) -> Any:
    return await value if isawaitable(value) else value


def then(value: Any, use: Callable[[Any], Any]) -> Any:
    """Return `use` of a value, which a coroutine may have to wait for."""
    if not isawaitable(value):
        return use(value)

    async def run() -> Any:
        return await _settled(use(await value))

    return run()


both = pytest.mark.parametrize("kind", [Client, AsyncClient], ids=["sync", "async"])


@both
@pytest.mark.parametrize("write", WRITES)
def test_a_write_prefers_to_be_queued(kind: type[Any], write: str) -> None:
    act, route = WRITES[write]
    with raw_server(ACCEPTED) as server:
        change = of(kind, server.url, act)
        [request] = server.requests
    assert (change.token, change.index) == (TOKEN, "films")
    assert f"{request.method} {request.target}" == route
    assert request.headers["prefer"] == "respond-async"
    assert request.headers["idempotency-key"]


def of_two_numbers() -> FunctionEmbedder:
    return FunctionEmbedder("numbers", 2, lambda texts: [[len(text), 1.0] for text in texts])


@both
def test_texts_are_embedded_before_they_are_queued(kind: type[Any]) -> None:
    with raw_server(DESCRIBED, ACCEPTED) as server:
        change = of(kind, server.url, lambda i: i.queued.add(ids=["a"], texts=["abc"]), embedder=of_two_numbers())
        looked, sent = server.requests
    assert (change.token, looked.method, sent.headers["prefer"]) == (TOKEN, "GET", "respond-async")
    [row] = json.loads(sent.body)["vectors"]
    assert (row["id"], list(array("f", b64decode(row["vector"])))) == ("a", [3.0, 1.0])


@both
def test_a_change_is_waited_for(kind: type[Any]) -> None:
    with raw_server(ACCEPTED, QUEUED, APPLIED) as server:
        result = of(kind, server.url, lambda i: then(i.queued.add([("a", [1, 0])]), lambda change: change.wait()))
        paths = [request.target for request in server.requests]
    assert result == Added(1, 0, 3, '"e"')
    assert paths[1:] == [f"/indexes/films/changes/{TOKEN}"] * 2


@both
def test_a_change_that_failed_raises_the_error_of_the_write(kind: type[Any]) -> None:
    with raw_server(FAILED) as server, pytest.raises(PreconditionFailed, match="The index changed"):
        of(kind, server.url, lambda i: i.change(TOKEN).wait())


@both
def test_the_state_says_what_became_of_a_change(kind: type[Any]) -> None:
    with raw_server(FAILED) as server:
        state = of(kind, server.url, lambda i: i.change(TOKEN).state())
    assert (state.token, state.state, state.is_final, state.result) == (TOKEN, "failed", True, None)
    assert (state.problem.status, state.problem.type) == (412, PROBLEM["type"])


@both
def test_a_wait_ends(kind: type[Any]) -> None:
    with raw_server(*[QUEUED] * 9) as server, pytest.raises(StillQueued, match=TOKEN):
        of(kind, server.url, lambda i: i.change(TOKEN).wait(timeout=0.3))


@both
@pytest.mark.parametrize(
    ("write", "result"),
    [("add", Added(1, 0, 2)), ("patch", Patched(1, 1)), ("delete", Deleted(1, 0)), ("remove", Deleted(1, 0))],
)
def test_without_a_queue_a_change_is_applied_at_once(
    kind: type[Any], target: str, write: str, result: Added | Patched | Deleted
) -> None:
    with Client(target) as client:
        films = client.create_index("films", dimension=2)
        films.add([("b" if write == "add" else "a", [0, 1])])
        change = of(kind, target, WRITES[write][0])
        assert change.token is None
        etag = films.etag
    state = asyncio.run(_settled(change.state()))
    assert state == ChangeState(None, "applied", type(result)(**{**_members(result), "etag": etag}))
    assert asyncio.run(_settled(change.wait())) == state.result


def _members(result: Added | Patched | Deleted) -> dict[str, Any]:
    return {name: getattr(result, name) for name in result.__struct_fields__}


@both
def test_what_is_refused_at_once_is_raised_at_once(kind: type[Any], target: str) -> None:
    with Client(target) as client:
        client.create_index("films", dimension=2)
    with pytest.raises(VectorNotFound):
        of(kind, target, lambda i: i.queued.remove("a"))


@both
def test_an_unknown_change_is_not_found(kind: type[Any], target: str) -> None:
    with Client(target) as client:
        client.create_index("films", dimension=2)
    with pytest.raises(ChangeNotFound):
        of(kind, target, lambda i: i.change("a b").state())


@both
def test_a_change_is_one_request(kind: type[Any]) -> None:
    rows = [(str(number), [1.0] * 4_096) for number in range(2_000)]
    with raw_server() as server:
        with pytest.raises(ArgumentInvalid, match="a queued change is one"):
            of(kind, server.url, lambda i: i.queued.add(rows))
        with pytest.raises(ArgumentInvalid, match="no rows"):
            of(kind, server.url, lambda i: i.queued.add([]))
        assert server.requests == []


def test_a_state_without_a_result_has_no_value() -> None:
    with pytest.raises(ValueError, match="queued"):
        ChangeState(TOKEN, "queued").value()
