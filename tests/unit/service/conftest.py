"""An index with earlier states, in the plain and in the packed layout, and a service that reads and restores them."""

import pytest

from tests.support.version_history import HistoryService, IndexHistory


@pytest.fixture(params=[False, True], ids=["plain", "packed"])
def history(request: pytest.FixtureRequest) -> IndexHistory:
    return IndexHistory(packed=request.param)


@pytest.fixture
def service(history: IndexHistory) -> HistoryService:
    return history.service()
