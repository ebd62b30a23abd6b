"""The S3 emulator that contract and integration tests share."""

import gc
from collections.abc import Generator, Iterator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without collecting garbage: the thousands of tests stay, and each pass would visit them all."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """Yield the URL of moto's S3. It starts slowly, so tests share it; each test has its own bucket."""
    from tests.support.backends import moto_server  # loads boto3 and flask, which most tests do not need

    with moto_server() as endpoint:
        yield endpoint
