"""Requests that schemathesis makes of the OpenAPI document: none meets a fault, or an answer that is not in it."""

from pathlib import Path

import pytest

from tools import stranger
from tools.stack import Stack
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
