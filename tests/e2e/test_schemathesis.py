"""schemathesis finds no server error and no answer that the OpenAPI document does not describe."""

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import faults
from tests.support.faults import Fault
from tools.checks import schemathesis
from tools.command.errors import CheckFailed
from tools.proxy.exchange import Exchange
from tools.proxy.server import proxy
from tools.stack.stack import Stack
from vectord.edge.openapi.operations import OPERATIONS


@pytest.fixture(scope="module")
def prepared(stack: Stack) -> Stack:
    """The stack with the index that the settings of schemathesis refer to."""
    schemathesis.prepare(stack)
    return stack


@pytest.mark.parametrize(("phases", "mode"), schemathesis.SHORT)
def test_schemathesis_finds_no_error(prepared: Stack, tmp_path: Path, phases: str, mode: str) -> None:
    printed = schemathesis.run(prepared.url, tmp_path, phases, mode, examples=8)
    assert "No issues found" in printed
    assert f"Tested: {len(OPERATIONS)}" in printed


def renames(exchange: Exchange) -> None:
    """Rename a required member of the answer."""
    reply = exchange.forward()
    if reply.status == 200:
        is_gzip = reply.body.startswith(b"\x1f\x8b")  # an answer of more than 1 KB
        body = json.loads(gzip.decompress(reply.body) if is_gzip else reply.body)
        body["all"] = body.pop("indexes")
        changed = json.dumps(body).encode()
        changed = gzip.compress(changed) if is_gzip else changed
        reply = replace(reply, body=changed, length=len(changed))
    exchange.answer(reply)


def test_responses_that_contradict_the_document_are_reported(prepared: Stack, tmp_path: Path) -> None:
    """A proxy in front of the API makes one route fail and renames a member in the answer of another."""
    breaks: dict[str, Fault] = {"/indexes/[^/]+": faults.refuses(500, "InternalError"), "/indexes": renames}

    def choose(exchange: Exchange) -> Fault:
        path = exchange.target.partition("?")[0].rpartition("default")[2]
        met = [fault for form, fault in breaks.items() if exchange.method == "GET" and re.fullmatch(form, path)]
        return met[0] if met else faults.passes

    with proxy(prepared.endpoint) as before, pytest.raises(CheckFailed) as found:
        before.choose = choose
        schemathesis.run(before.endpoint + prepared.path, tmp_path, "coverage", "positive", examples=1)
    report = str(found.value)
    assert "Server error" in report
    assert "GET /indexes/{name}" in report
    assert '"indexes" is a required property' in report
