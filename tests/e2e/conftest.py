"""The stack of all end-to-end tests: the built template on MiniStack.

Its API accepts unsigned requests; every function runs under its own role, whose policies are enforced.
"""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.e2e.inbox import Inbox
from tools.command import interrupts
from tools.command.run import scratch_folder
from tools.stack.client import Client
from tools.stack.ministack import HOST
from tools.stack.stack import Stack, running_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    interrupts.install()
    with scratch_folder() as folder, running_stack(folder, enforce=True) as started:
        yield started


@pytest.fixture
def api(stack: Stack) -> Iterator[Client]:
    with closing(Client(HOST, stack.port, stack.path)) as client:
        yield client


@pytest.fixture(scope="session")
def inbox(stack: Stack) -> Inbox:
    return Inbox(stack)
