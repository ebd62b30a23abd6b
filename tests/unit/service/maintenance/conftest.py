"""An index whose build is due, and a compaction of it."""

import pytest

from tests.support.compactions import ExpectedIndex, a_compaction
from tests.support.scripted_store import ScriptedStore
from vectord.service.maintenance.compaction import Compaction


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore(least_part=1)


@pytest.fixture
def expected(store: ScriptedStore) -> ExpectedIndex:
    return ExpectedIndex(store.inner)


@pytest.fixture
def compaction(store: ScriptedStore, expected: ExpectedIndex) -> Compaction:
    assert expected
    return a_compaction(store)
