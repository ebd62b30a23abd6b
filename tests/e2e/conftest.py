"""One stack for all end-to-end tests: the built template on MiniStack, started for them and ended after them."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tools import interrupts
from tools.client import Client
from tools.ministack import HOST
from tools.scratch import scratch_folder
from tools.stack import Stack, running_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    interrupts.install()
    with scratch_folder() as folder, running_stack(folder) as started:
        yield started


@pytest.fixture
def api(stack: Stack) -> Iterator[Client]:
    with closing(Client(HOST, stack.port, stack.path)) as client:
        yield client
