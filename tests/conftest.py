"""The S3 emulator that contract and integration tests share."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """Yield the URL of moto's S3. It starts slowly, so tests share it; each test has its own bucket."""
    from tests.support.backends import moto_server  # loads boto3 and flask, which most tests do not need

    with moto_server() as endpoint:
        yield endpoint
