"""The API of S3 Vectors through boto3, with the handlers in this process."""

import pytest

from tests.support.api import Api
from tests.support.s3vectors import ARN_PREFIX
from tests.support.vector_index import VectorIndex


@pytest.fixture(autouse=True)
def arn_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VECTORD_ARN_PREFIX", ARN_PREFIX)


@pytest.fixture(
    params=["ephemeral", pytest.param("on_s3_in_one_process", marks=pytest.mark.slow)], ids=["ephemeral", "s3"]
)
def api(request: pytest.FixtureRequest) -> Api:
    """Both deployments; the one over S3 with the slow tests."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Api)
    return found


@pytest.fixture
def plots(ephemeral: Api) -> VectorIndex:
    """An empty index of dimension 2 under euclidean."""
    return VectorIndex(ephemeral)


@pytest.fixture
def plots_with_versions(api_with_versions: Api) -> VectorIndex:
    """An empty index in a store that keeps versions."""
    return VectorIndex(api_with_versions)
