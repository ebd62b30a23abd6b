"""A store, and a service with index `t` in 3 shards on it."""

import pytest

from tests.support.invoked import Functions
from tests.support.shards import HookedStore, a_filled_service
from vectord.service.service import Service


@pytest.fixture
def store() -> HookedStore:
    return HookedStore()


@pytest.fixture
def filled(store: HookedStore) -> Service:
    return a_filled_service(store)


@pytest.fixture
def functions(store: HookedStore) -> Functions:
    return Functions(store)
