"""Requests that schemathesis makes of the OpenAPI document: none meets a fault, or an answer that is not in it."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import faults
from tests.support.faults import Fault
from tools.checks import schemathesis as stranger
from tools.command.errors import CheckFailed
from tools.proxy.exchange import Exchange
from tools.proxy.server import proxy
from tools.stack.stack import Stack
from vectord.edge.openapi.operations import OPERATIONS


@pytest.fixture(scope="module")
def prepared(stack: Stack) -> Stack:
    """The stack with what a stranger needs; what it makes goes with the stack."""
    stranger.prepare(stack)
    return stack


@pytest.mark.parametrize(("phases", "mode"), stranger.SHORT)
def test_no_request_meets_a_fault(prepared: Stack, tmp_path: Path, phases: str, mode: str) -> None:
    printed = stranger.meet(prepared.url, tmp_path, phases, mode, examples=8)
    assert "No issues found" in printed
    assert f"Tested: {len(OPERATIONS)}" in printed


def renames(exchange: Exchange) -> None:
    """Answer what was asked with a member under another name."""
    reply = exchange.forward()
    if reply.status == 200:
        body = json.loads(reply.body)
        body["all"] = body.pop("indexes")
        spoiled = json.dumps(body).encode()
        reply = replace(reply, body=spoiled, length=len(spoiled))
    exchange.answer(reply)


def test_routes_that_break_their_word_are_found(prepared: Stack, tmp_path: Path) -> None:
    """A proxy before the API has the description of an index fail, and the list of indexes name a member otherwise."""
    breaks: dict[str, Fault] = {"/indexes/[^/]+": faults.refuses(500, "InternalError"), "/indexes": renames}

    def choose(exchange: Exchange) -> Fault:
        path = exchange.target.partition("?")[0].rpartition("default")[2]
        met = [fault for form, fault in breaks.items() if exchange.method == "GET" and re.fullmatch(form, path)]
        return met[0] if met else faults.passes

    with proxy(prepared.endpoint) as before, pytest.raises(CheckFailed) as found:
        before.choose = choose
        stranger.meet(before.endpoint + prepared.path, tmp_path, "coverage", "positive", examples=1)
    told = str(found.value)
    assert "Server error" in told
    assert "GET /indexes/{name}" in told
    assert '"indexes" is a required property' in told
