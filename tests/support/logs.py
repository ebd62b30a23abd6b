"""Read the log lines that a function wrote to stdout."""

import json
from typing import Any

import pytest


def log_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines written since the last call, decoded."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def log_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the only line written since the last call, decoded."""
    [line] = log_lines(capsys)
    return line
