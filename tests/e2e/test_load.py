"""Ten seconds of searches and adds at once: no errors, and functions that do not grow.

`make load` does it for a minute over 32 connections, for which MiniStack takes minutes to start the functions.
"""

import pytest

from tools.load import run as load
from tools.load.run import Load
from tools.stack.stack import Stack

CONNECTIONS = 4


def test_many_callers_at_once_meet_no_error_and_functions_do_not_grow(stack: Stack) -> None:
    load.prepare(stack)
    load.drive(stack, 1.0, CONNECTIONS)
    found = load.drive(stack, 10.0, CONNECTIONS)
    load.show(found, 10.0, CONNECTIONS)
    assert not found.errors
    assert len(found.searches) > 50
    assert len(found.adds) > 5
    assert found.growth < load.GROWTH


@pytest.mark.parametrize(("last", "growth"), [(100, 1.0), (150, 1.5)])
def test_growth_is_that_of_the_processes_that_last(last: int, growth: float) -> None:
    samples = [{1: 100, 2: 900}, {1: 100}, {1: last, 3: 7_000}]
    assert Load(memory=samples).growth == growth
