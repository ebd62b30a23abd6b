"""A queue of changes beside the API, and an index `t` with two rows."""

from collections.abc import Iterator

import pytest

from tests.support.api import Api
from tests.support.backends import CREDENTIALS
from tests.support.change_queue import ChangeQueue, emulated_sqs
from tests.support.queued_changes import A, B


@pytest.fixture(scope="session")
def sqs() -> Iterator[str]:
    """Yield the URL of moto's SQS. Tests share it; each has its own queue."""
    with emulated_sqs() as endpoint:
        yield endpoint


@pytest.fixture
def queue(sqs: str, monkeypatch: pytest.MonkeyPatch) -> ChangeQueue:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", sqs)
    made = ChangeQueue(sqs)
    monkeypatch.setenv("VECTORD_CHANGES", made.url)
    return made


@pytest.fixture(params=[1, pytest.param(3, marks=pytest.mark.slow)], ids=["one blob", "shards"])
def filled(request: pytest.FixtureRequest, queue: ChangeQueue, api: Api) -> Api:
    """An index `t` with rows a and b, beside a queue."""
    api.create(shards=request.param)
    assert api.add(A, B).status == 200
    return api
