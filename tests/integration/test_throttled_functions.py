"""Adds to shards while Lambda runs only some functions at once: over HTTP, with the answers of its Invoke API."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import numpy as np
import pytest

from tests.support.services import new_section_cache
from tools.functions.limited import Handler, LimitedFunctions, served
from vectord.edge import handler
from vectord.edge.events import fan_out
from vectord.edge.request import Request
from vectord.edge.route import Reply, Route
from vectord.edge.schemas import bodies
from vectord.service.service import Service
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline, NewIndex
from vectord.storage.base import Condition
from vectord.storage.credentials import Credentials
from vectord.storage.lambda_invoke import Functions
from vectord.storage.memory import MemoryStore

pytestmark = pytest.mark.slow  # waits

SHARDS, ROWS = 4, 8


class SlowStore(MemoryStore):
    """A store whose writes take a moment, so that executions overlap."""

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        time.sleep(0.1)
        return super().put(name, data, condition, commit)


def a_service(store: MemoryStore, invoke: Callable[[bytes, float], bytes] | None = None) -> Service:
    environment = Environment()
    return Service(
        store,
        new_section_cache(),
        memory_bytes=1 << 20,
        environment=environment,
        retry_policy=RetryPolicy(),
        invoke=invoke,
    )


def add(request: Request, service: Service) -> Reply:
    entries = bodies.entries(bodies.decode(request.body, bodies.AddBody).vectors)
    added = service.add(request.path["name"], entries, request.deadline, request.write_options)
    return Reply({"added": added.added})


@contextmanager
def functions_over(store: MemoryStore, limit: int, seconds: float = 29.0) -> Iterator[LimitedFunctions]:
    """Yield the function `add` over a store with an empty index `t` in shards; at most `limit` run at once."""
    endpoint: list[str] = []

    def instance() -> Handler:
        lambdas = Functions(endpoint[0], "eu-central-1", Credentials("access", "secret", None))
        service = a_service(store, lambda payload, left: lambdas.call("add", payload, left))
        routes = {"POST /indexes/{name}/vectors": Route(add, "write", "add-vectors")}
        return handler.handler(routes, lambda: service, lambda: None, fan_out.handler(lambda: service))

    a_service(store).create(NewIndex("t", 2, shards=SHARDS), Deadline(time.monotonic() + 60))
    functions = LimitedFunctions(limit, {"add": instance}, seconds)
    with served(functions) as url:
        endpoint.append(url)
        yield functions


def batch(caller: int) -> dict[str, Any]:
    """Return the event of an add of ROWS vectors, whose ids no other caller has, in every shard."""
    vectors = [{"id": f"{caller}-{row}", "vector": _encoded(caller, row)} for row in range(ROWS * SHARDS)]
    path = "/indexes/t/vectors"
    return {
        "routeKey": "POST /indexes/{name}/vectors",
        "rawPath": path,
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": "POST", "path": path}, "requestId": str(caller)},
        "pathParameters": {"name": "t"},
        "body": json.dumps({"vectors": vectors}),
    }


def _encoded(caller: int, row: int) -> str:
    return base64.b64encode(np.array([caller + 1, row], "<f4").tobytes()).decode()


def test_callers_that_need_more_functions_than_may_run_are_all_acknowledged() -> None:
    """16 callers hold 16 of 32 executions; their 64 shard requests share the others."""
    store, answers = SlowStore(), list[dict[str, Any]]()
    with functions_over(store, limit=32) as functions:
        threads = [
            Thread(target=lambda caller=caller: answers.append(functions.invoke("add", batch(caller))))
            for caller in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [answer["statusCode"] for answer in answers] == [200] * 16
        assert functions.throttled > 0
        assert functions.most == 32
    assert a_service(store).describe("t", Deadline(time.monotonic() + 60)).count == 16 * ROWS * SHARDS


def test_a_caller_whose_shards_cannot_run_is_told_that_it_is_throttled() -> None:
    store = MemoryStore()
    with functions_over(store, limit=1, seconds=handler.MARGIN + 1.5) as functions:
        answer = functions.invoke("add", batch(0))
        assert functions.throttled > SHARDS
    body = json.loads(answer["body"])
    assert (answer["statusCode"], body["type"]) == (503, "urn:vectord:problem:throttled")
    assert answer["headers"]["Retry-After"] == "5"
    assert "concurrency" in body["detail"]
    assert a_service(store).describe("t", Deadline(time.monotonic() + 60)).count == 0
