"""Uploads through the real ingest handler, beside the API."""

import pytest

from tests.support.api import Api
from tests.support.backends import S3Backend
from tests.support.inbox import Inbox


@pytest.fixture
def environment(bucket: S3Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of the API and of the ingest function, before either starts: so they can share clients."""
    monkeypatch.setenv("VECTORD_INBOX", f"{bucket.bucket}-inbox")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")


@pytest.fixture
def inbox(environment: None, bucket: S3Backend) -> Inbox:
    return Inbox(bucket)


@pytest.fixture
def api(environment: None, on_s3_in_one_process: Api) -> Api:
    on_s3_in_one_process.create("t", 2)
    return on_s3_in_one_process
