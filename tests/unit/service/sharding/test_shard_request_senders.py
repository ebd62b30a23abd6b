"""Shard requests come from functions of the deployment, and from nowhere else."""

import json
from typing import Any

import pytest

from tests.support.api import an_event
from tests.support.invoked import Functions
from tests.support.shards import HookedStore, a_service
from vectord.edge.events import fan_out as edge
from vectord.errors import (
    RequestInvalid,
)
from vectord.service.service import Service
from vectord.service.values.options import Deadline, NewIndex


@pytest.fixture
def service(store: HookedStore, functions: Functions) -> Service:
    """A service that invokes functions for shard requests, and index `t` in 5 shards."""
    service = a_service(store, invoke=functions.invoke)
    service.create(NewIndex("t", 2, shards=5), Deadline(1e9))
    return service


def a_message(shard: str) -> dict[str, Any]:
    return {"part": json.dumps({"type": "describe", "shard": shard}), "seconds": 9}


@pytest.mark.parametrize("where", ["headers", "pathParameters", "queryStringParameters", "body", "requestContext"])
def test_no_request_of_the_api_is_a_shard_request(functions: Functions, where: str) -> None:
    event = an_event("POST /indexes/{name}/search", "/indexes/t/search", {"name": "t"}, {}, None)
    message = a_message("t/gen/0")
    event[where] = json.dumps(message) if where == "body" else {**event.get(where, {}), **message}
    assert functions.handler(event)["statusCode"] == 404


def test_an_api_event_with_the_keys_of_a_shard_request_is_refused(functions: Functions) -> None:
    event = an_event("POST /indexes/{name}/search", "/indexes/t/search", {"name": "t"}, {}, None)
    assert functions.handler({**event, **a_message("t/gen/0")})["statusCode"] == 404


@pytest.mark.parametrize("name", ["t", "../t", "t/gen", "t/gen/1000", "t/gen/-1", "t/g/0/1", "/gen/0"])
def test_a_shard_request_for_another_object_is_refused(service: Service, functions: Functions, name: str) -> None:
    with pytest.raises(RequestInvalid):
        functions.handler(a_message(name))


def test_a_read_only_function_refuses_a_change(service: Service, functions: Functions) -> None:
    change = {"part": json.dumps({"type": "delete", "shard": "t/gen/0", "selection": {"ids": ["a"]}}), "seconds": 9}
    read_only = edge.handler(lambda: functions.service, read_only=True)
    with pytest.raises(RequestInvalid, match="read-only"):
        read_only(change, None)
