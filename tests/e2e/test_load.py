"""Ten seconds of concurrent searches and adds: no errors, and functions whose memory does not grow.

`make load` does it for a minute over 32 connections, for which MiniStack takes minutes to start the functions.
"""

from pathlib import Path

import pytest

from tools.load import run
from tools.load.run import Load
from tools.stack.stack import Stack

CONNECTIONS = 4


def test_concurrent_callers_get_no_error_and_the_memory_of_functions_does_not_grow(
    stack: Stack, tmp_path: Path
) -> None:
    run.prepare(stack)
    run.drive(stack, 1.0, tmp_path, CONNECTIONS)
    load = run.drive(stack, 10.0, tmp_path, CONNECTIONS)
    run.show(load)
    assert not load.errors
    assert load.answered["search"] > 50
    assert load.answered["add"] > 5
    assert load.growth < run.GROWTH


@pytest.mark.parametrize(("last", "growth"), [(100, 1.0), (150, 1.5)])
def test_growth_is_measured_on_the_longest_running_processes(last: int, growth: float) -> None:
    samples = [{1: 100, 2: 900}, {1: 100}, {1: last, 3: 7_000}]
    assert Load(memory=samples).growth == growth
