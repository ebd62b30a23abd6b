"""Shard requests run in invoked functions with the same results as in the same process."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.support.invoked import Functions
from tests.support.search_pages import pages
from tests.support.services import a_query, vector
from tests.support.shards import HookedStore, a_service, object_names
from vectord.edge import handler
from vectord.edge.events import fan_out as edge
from vectord.errors import (
    AnswerTooLarge,
    BlobCorrupt,
    Contended,
    DeadlineExceeded,
    FunctionBusy,
    IdempotencyKeyReused,
    IndexNotFound,
    PartlyApplied,
    StorageSilent,
    StoreRefused,
    StoreUnavailable,
    VectordError,
    WriteConflict,
)
from vectord.index.query.query import BEFORE_ALL, Query, Result, key_of_seen
from vectord.index.query.values import Order, OrderedRow
from vectord.readers.entry import NewVector
from vectord.service.service import Service
from vectord.service.sharding import fan_out
from vectord.service.sharding.failures import Failed
from vectord.service.sharding.fan_out import LocalFanOut, RemoteFanOut, WorkerPool
from vectord.service.sharding.messages import SearchRequest
from vectord.service.values.environment import Environment
from vectord.service.values.options import Deadline, IdempotencyKey, NewIndex, WriteOptions
from vectord.service.values.selection import FacetQuery, ListQuery, Selection
from vectord.storage.base import IfMatch

METADATA = msgspec.Raw(b'{"n": [1, "x"]}')
ROWS = [NewVector(f"row-{i}", np.array([1.0, i]), None if i % 2 else METADATA) for i in range(12)]
LONG = 1e9  # JSON has no infinity
QUERY = np.array([1.0, 5.0])


@pytest.fixture
def service(store: HookedStore, functions: Functions) -> Service:
    """A service that invokes functions for shard requests, and index `t` with ROWS in 5 shards."""
    service = a_service(store, invoke=functions.invoke)
    service.create(NewIndex("t", 2, shards=5), Deadline(LONG))
    service.add("t", ROWS, Deadline(LONG))
    functions.messages.clear()
    return service


def found(service: Service, **more: Any) -> list[tuple[Any, ...]]:
    answer = service.search("t", a_query(QUERY, 4, **more), Deadline(LONG)).answer
    return [
        (m.id, m.distance, m.metadata and bytes(m.metadata), m.vector is not None and m.vector.tolist())
        for m in answer.matches
    ]


def test_invoked_functions_return_the_same_answer(store: HookedStore, service: Service, functions: Functions) -> None:
    assert found(service) == found(a_service(store))
    assert len(functions.messages) == 5


def test_invoked_functions_return_the_same_facets(store: HookedStore, service: Service, functions: Functions) -> None:
    big = msgspec.Raw(b'{"n": [1, 1.0, true, null, -0.5, 1000000000000000000000000000000, "x"]}')
    service.add("t", [NewVector("big", np.array([1.0, 1.0]), big)], Deadline(LONG))
    functions.messages.clear()
    query = FacetQuery(["n", "none"], 10, '{"n": 1}')
    counted = service.facets("t", query, Deadline(LONG))
    assert counted == a_service(store).facets("t", query, Deadline(LONG))
    assert (counted.count, [facet.distinct for facet in counted.facets]) == (7, [6, 0])
    assert len(functions.messages) == 5


@pytest.mark.parametrize("key", [(2, 1), (2, 10**30), (3, "w"), (0, 0), (5, 0)], ids=str)
def test_invoked_functions_return_the_same_order(
    store: HookedStore, service: Service, functions: Functions, key: tuple[int, Any]
) -> None:
    query = ListQuery(4, order=Order("n", after=OrderedRow(key, "row-1")))
    page = service.list_vectors("t", query, Deadline(LONG))
    assert [one.id for one in page.vectors] == [
        one.id for one in a_service(store).list_vectors("t", query, Deadline(LONG)).vectors
    ]
    assert len(functions.messages) == 5


def test_commits_of_invoked_functions_are_recorded_with_the_request(service: Service, functions: Functions) -> None:
    service.environment.meter.drain()
    before = {shard.etag for shard in service.describe("t", Deadline(LONG)).shards}
    service.add("t", [NewVector(row.id, np.array([2.0, 1.0])) for row in ROWS], Deadline(LONG))
    commits = service.environment.meter.commits
    assert len(functions.messages) == len(commits) == 5
    assert {commit.before for commit in commits} == before
    assert {commit.after for commit in commits} == {
        shard.etag for shard in service.describe("t", Deadline(LONG)).shards
    }


@pytest.mark.parametrize("k", [1, 3, 5])
def test_pages_of_invoked_functions_are_the_whole_answer(service: Service, functions: Functions, k: int) -> None:
    def search(query: Query) -> Result:
        return service.search("t", query, Deadline(LONG))

    whole = service.search("t", a_query(QUERY, 12), Deadline(LONG)).answer.matches
    found = [match.id for page in pages(search, {"vector": QUERY.tolist(), "k": k}) for match in page.matches]
    assert found == [match.id for match in whole]
    assert len(functions.messages) == 5 + 5 * (12 // k + bool(12 % k))


def test_an_invoked_function_leaves_out_what_was_seen(service: Service) -> None:
    nearest = service.search("t", a_query(QUERY, 4), Deadline(LONG)).answer.matches
    seen = frozenset([key_of_seen(nearest[0].id), key_of_seen(nearest[2].id)])
    query = a_query(QUERY, 2, after=BEFORE_ALL, seen=seen)
    answer = service.search("t", query, Deadline(LONG)).answer
    assert [match.id for match in answer.matches] == [nearest[1].id, nearest[3].id]
    assert answer.more


def test_a_page_ends_early_if_the_answer_of_a_function_is_too_large(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [match.id for match in service.search("t", a_query(QUERY, 12), Deadline(LONG)).answer.matches]
    for module in (edge, handler):
        monkeypatch.setattr(module, "MAX_ANSWER", handler.response_size(b"") + 420)  # one or two matches of a shard
    found = list[str]()
    sizes, after, more = [], None, True
    while more:
        answer = service.search("t", a_query(QUERY, 12, after=after, paged=True), Deadline(LONG)).answer
        sizes.append(len(answer.matches))
        found += [match.id for match in answer.matches]
        after, more = (answer.matches[-1].distance, answer.matches[-1].id), answer.more
    assert found == whole
    assert max(sizes) < 12


def test_reads_of_invoked_functions_are_in_the_answer_and_not_on_the_local_meter(service: Service) -> None:
    service.environment.meter.drain()
    searched = service.search("t", a_query(QUERY, 1), Deadline(LONG))
    assert searched.requests == 5
    assert service.environment.meter.drain()["ReadRequests"] == 1


def test_vectors_are_returned_only_if_requested(service: Service) -> None:
    assert all(vector for *_, vector in found(service, include_vectors=True))
    assert not any(vector for *_, vector in found(service, include_vectors=False))


def test_a_key_is_refused_before_functions_are_invoked(service: Service, functions: Functions) -> None:
    first, other = (WriteOptions(key=IdempotencyKey("k", f"0000000{request}")) for request in (1, 2))
    added = service.add("t", ROWS, Deadline(LONG), first)
    assert functions.messages
    functions.messages.clear()
    with pytest.raises(IdempotencyKeyReused):
        service.delete("t", Selection(filter="{}"), Deadline(LONG), other)
    assert functions.messages == []
    assert service.add("t", ROWS, Deadline(LONG), first) == added
    assert service.describe("t", Deadline(LONG)).count == len(ROWS)


def test_changes_are_made_by_invoked_functions(service: Service, functions: Functions) -> None:
    moved = [vector(row.id, 7.0, 7.0) for row in ROWS]
    assert service.add("t", moved, Deadline(LONG)).replaced == len(ROWS)
    assert service.delete("t", Selection([row.id for row in ROWS[:6]]), Deadline(LONG)).deleted == 6
    assert len(functions.messages) > 5
    kept = service.lookup("t", "row-6", Deadline(LONG))
    assert kept.vector.tolist() == [7.0, 7.0]
    assert kept.metadata is not None
    assert json.loads(bytes(kept.metadata)) == {"n": [1, "x"]}


def test_few_shard_requests_run_in_the_same_process(service: Service, functions: Functions) -> None:
    service.add("t", [vector("one", 1.0, 1.0), vector("two", 1.0, 2.0)][: fan_out.MAX_LOCAL], Deadline(LONG))
    assert functions.messages == []


def test_a_request_too_large_for_lambda_runs_in_the_same_process(
    service: Service, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fan_out, "MAX_MESSAGE", 150)
    assert service.add("t", [vector(row.id, 3.0, 3.0) for row in ROWS], Deadline(LONG)).replaced == len(ROWS)
    assert len(functions.messages) < 5
    assert all(len(payload) < 300 for payload in functions.messages)


def test_a_request_is_measured_as_the_message_carries_it(
    service: Service, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JSON in a JSON string has its quotes and line breaks escaped."""
    metadata = msgspec.Raw(b"[" + b'"",\n' * 1_000 + b"1]")
    monkeypatch.setattr(fan_out, "MAX_MESSAGE", 6_000)
    service.add("t", [NewVector(row.id, row.vector, metadata) for row in ROWS], Deadline(LONG))
    assert all(len(payload) < 6_100 for payload in functions.messages)


def test_a_message_contains_the_remaining_seconds(store: HookedStore, functions: Functions) -> None:
    service = a_service(store, invoke=functions.invoke)
    service.create(NewIndex("t", 2, shards=5), Deadline(LONG))
    service.search("t", a_query(QUERY, 1), Deadline(service.environment.now() + 8.0))
    assert all(6.0 < json.loads(payload)["seconds"] < 7.6 for payload in functions.messages)


@pytest.mark.parametrize("error", [FunctionBusy(), StoreUnavailable()])
def test_a_search_without_a_reply_is_sent_again(service: Service, functions: Functions, error: Exception) -> None:
    functions.script = [error, error]
    assert len(found(service)) == 4
    assert len(functions.messages) == 7


def test_a_change_that_certainly_did_not_run_is_sent_again(service: Service, functions: Functions) -> None:
    functions.script = [FunctionBusy()]
    assert service.add("t", ROWS, Deadline(LONG)).replaced == len(ROWS)


def test_a_change_that_may_have_run_is_not_sent_again(service: Service, functions: Functions) -> None:
    functions.script = [StoreUnavailable()]
    with pytest.raises(PartlyApplied) as caught:
        service.add("t", ROWS, Deadline(LONG))
    assert caught.value.unknown > 0
    assert caught.value.applied + caught.value.unknown == len(ROWS)
    assert len(functions.messages) == 5


def test_a_search_fails_after_some_attempts_without_a_reply(service: Service, functions: Functions) -> None:
    functions.script = [StoreUnavailable()] * 100
    with pytest.raises(StorageSilent):
        found(service)
    assert len(functions.messages) == 5 * 4


def test_a_missing_permission_is_reported_to_the_operator(service: Service, functions: Functions) -> None:
    functions.script = [StoreRefused("AccessDeniedException")] * 5
    with pytest.raises(StoreRefused):
        found(service)


def breaks(store: HookedStore, end: str) -> None:
    [name] = [name for name in object_names(store.inner) if name.endswith(end)]
    store.inner.put(name, b"LHV2 and more", IfMatch(store.inner.etag(name)), "")


def is_silent(store: HookedStore, end: str) -> None:
    store.fail("head", end, StoreUnavailable())


def is_refused(store: HookedStore, end: str) -> None:
    store.fail("head", end, StoreRefused("AccessDenied"))


@pytest.mark.parametrize(
    ("happens", "error"),
    [(breaks, BlobCorrupt), (is_silent, StorageSilent), (is_refused, StoreRefused)],
)
def test_the_error_of_a_shard_is_raised_unchanged(
    store: HookedStore, service: Service, happens: Callable[[HookedStore, str], None], error: type[VectordError]
) -> None:
    happens(store, "/3")
    with pytest.raises(error):
        found(service)


def test_a_contended_shard_is_reported_as_contended(store: HookedStore, service: Service) -> None:
    store.fail("put", "", WriteConflict())
    with pytest.raises(Contended, match="'t'"):
        service.add("t", ROWS, Deadline(LONG))


def test_an_index_deleted_concurrently_is_not_found(store: HookedStore, service: Service) -> None:
    def meanwhile() -> None:
        store.before.clear()
        a_service(store.inner).delete_index("t", Deadline(LONG))

    store.before["head", "/3"] = meanwhile
    with pytest.raises(IndexNotFound, match="'t'"):
        found(service)


def test_an_answer_too_large_for_lambda_is_refused(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "MAX_ANSWER", 100)
    with pytest.raises(AnswerTooLarge):
        found(service)


def test_results_of_a_search_that_arrive_after_the_deadline_are_not_decoded() -> None:
    pool = WorkerPool(Environment(now=lambda: 10.0))
    remote = RemoteFanOut(LocalFanOut(lambda *_: Failed("not sent"), pool), lambda *_: b"cannot be decoded")
    requests = [SearchRequest(f"t/g/{shard}", a_query(QUERY, 1)) for shard in range(3)]
    assert {result.error for result in remote.run(requests, Deadline(9.0)) if isinstance(result, Failed)} == {
        DeadlineExceeded.__name__
    }
