"""Each write of an object is recorded once, with the ETags before and after it, even if its reply is lost."""

from collections.abc import Sequence

import pytest

from tests.support.scripted_store import ScriptedStore, Step, fails_with, loses_reply, no_reply
from tests.support.services import FOREVER, a_service, vector
from vectord.errors import ConditionFailed, Contended, OutcomeUnknown, WriteConflict
from vectord.service.service import Service
from vectord.service.values.environment import Commit
from vectord.service.values.options import NewIndex

A = vector("a", 1, 0)


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


@pytest.fixture
def service(store: ScriptedStore) -> Service:
    return a_service(store)


def recorded(service: Service) -> list[Commit]:
    commits = service.environment.meter.commits
    service.environment.meter.drain()
    return commits


@pytest.mark.parametrize(
    "steps",
    [[], [loses_reply], [no_reply], [fails_with(WriteConflict("t"))], [no_reply, loses_reply]],
    ids=["an answer", "a lost reply", "a lost request", "a conflict", "both"],
)
def test_an_add_a_creation_and_a_deletion_are_recorded_once(
    store: ScriptedStore, service: Service, steps: Sequence[Step]
) -> None:
    store.on("put", *steps)
    created = service.create(NewIndex("t", 2), FOREVER).etag
    assert recorded(service) == [Commit("t", None, created)]
    store.on("put", *steps)
    added = service.add("t", [A], FOREVER).etag
    assert recorded(service) == [Commit("t", created, added)]
    store.on("delete", *steps)
    service.delete_index("t", FOREVER)
    assert recorded(service) == [Commit("t", added, None)]


def test_a_change_that_is_never_committed_is_not_recorded(store: ScriptedStore, service: Service) -> None:
    service.create(NewIndex("t", 2), FOREVER)
    recorded(service)
    for step, error in ((no_reply, OutcomeUnknown), (fails_with(ConditionFailed("t")), Contended)):
        store.always("put", step)
        with pytest.raises(error):
            service.add("t", [A], FOREVER)
        assert recorded(service) == []
