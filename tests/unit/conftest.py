"""Hypothesis without its deadline: a busy machine is no defect; and indexes that have a past, plain and packed."""

import pytest
from hypothesis import settings

from tests.support.version_history import HistoryService, IndexHistory

settings.register_profile("vectord", deadline=None)
settings.load_profile("vectord")


@pytest.fixture(params=[False, True], ids=["plain", "packed"])
def history(request: pytest.FixtureRequest) -> IndexHistory:
    return IndexHistory(packed=request.param)


@pytest.fixture
def service(history: IndexHistory) -> HistoryService:
    return history.service()
