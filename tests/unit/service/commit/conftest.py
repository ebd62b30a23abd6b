"""The empty index `t`, a function that changes it, and another one."""

import pytest

from tests.support import services
from tests.support.scripted_store import ScriptedStore, after
from tests.support.services import FOREVER, Clock
from tests.support.turns import FIRST
from vectord.service.service import Service
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import NewIndex


@pytest.fixture
def store() -> ScriptedStore:
    """A store that has the empty index `t` of dimension 2."""
    store = ScriptedStore()
    services.a_service(store, clock=Clock(ids="setup")).create(NewIndex("t", 2), FOREVER)
    store.calls.clear()
    return store


@pytest.fixture
def service(store: ScriptedStore) -> Service:
    return services.a_service(store, clock=Clock(ids="ours"), retry_policy=RetryPolicy(max_attempts=4))


@pytest.fixture
def other(store: ScriptedStore) -> Service:
    """Another function on the same objects, whose requests are never scripted."""
    return services.a_service(store.inner, clock=Clock(ids="other"))


@pytest.fixture
def lost(store: ScriptedStore, service: Service, other: Service) -> Service:
    """The service, whose first write of the index will lose a race."""
    store.on("put", after(lambda: other.add("t", [FIRST], FOREVER)))
    return service
