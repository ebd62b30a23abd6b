"""Queued changes on the stack: through SQS and its event source, under the roles of the functions."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.inbox import eventually
from tests.e2e.logs import lines_of
from tools.stack.client import Answer, Client
from tools.stack.stack import Stack, session

A, B = {"id": "a", "vector": [1, 0, 0]}, {"id": "b", "vector": [0, 1, 0]}


def queue(api: Client, method: str, path: str, body: Any = None) -> Answer:
    return api.call(method, path, body, expect=202, headers={"Prefer": "respond-async"})


def settled(api: Client, accepted: Answer) -> Any:
    """Wait until a change is applied or has failed, and return its state."""

    def look() -> Any:
        found = api.call("GET", accepted.headers["location"]).body
        return None if found["state"] == "queued" else found

    return eventually(look, "end of the change")


@contextmanager
def without_worker(stack: Stack) -> Iterator[str]:
    """Leave messages in the queue inside the block, which gets its URL."""
    functions, mapping = session().client("lambda", endpoint_url=stack.endpoint), stack.physical("AddFunctionChanges")
    functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    try:
        yield stack.physical("Changes")
    finally:
        functions.update_event_source_mapping(UUID=mapping, Enabled=True)


def test_changes_of_each_kind_are_applied(api: Client) -> None:
    api.call("POST", "/indexes", {"name": "queued", "dimension": 3}, expect=201)
    added = settled(api, queue(api, "POST", "/indexes/queued/vectors", {"vectors": [A, B]}))
    assert (added["state"], added["result"]) == ("applied", {"added": 2, "replaced": 0, "count": 2})
    assert added["etag"] == api.call("GET", "/indexes/queued").headers["etag"]
    patched = settled(api, queue(api, "PATCH", "/indexes/queued/vectors", {"ids": ["a"], "metadata": {"n": 1}}))
    assert patched["result"] == {"patched": 1, "count": 2}
    removed = settled(api, queue(api, "DELETE", "/indexes/queued/vectors/a"))
    assert removed["result"] == {"deleted": 1, "count": 1}
    deleted = settled(api, queue(api, "POST", "/indexes/queued/vectors/delete", {"ids": ["b", "x"]}))
    assert deleted["result"] == {"deleted": 1, "count": 0}


def test_a_change_of_a_sharded_index_is_applied(api: Client) -> None:
    api.call("POST", "/indexes", {"name": "queued-shards", "dimension": 3, "shards": 3}, expect=201)
    added = settled(api, queue(api, "POST", "/indexes/queued-shards/vectors", {"vectors": [A, B]}))
    assert added["result"] == {"added": 2, "replaced": 0, "count": None}
    removed = settled(api, queue(api, "POST", "/indexes/queued-shards/vectors/delete", {"ids": ["a", "b"]}))
    assert removed["result"] == {"deleted": 2, "count": None}


def test_many_changes_of_one_index_are_each_applied_once(api: Client) -> None:
    api.call("POST", "/indexes", {"name": "queued-many", "dimension": 3}, expect=201)
    vectors = [[{"id": f"{number}", "vector": [1, number, 0]}] for number in range(20)]
    changes = [queue(api, "POST", "/indexes/queued-many/vectors", {"vectors": batch}) for batch in vectors]
    results = [settled(api, change)["result"] for change in changes]
    assert [(one["added"], one["replaced"]) for one in results] == [(1, 0)] * 20
    assert api.call("GET", "/indexes/queued-many").body["count"] == 20


def test_a_change_of_an_index_that_is_deleted_meanwhile_fails(stack: Stack, api: Client) -> None:
    api.call("POST", "/indexes", {"name": "queued-late", "dimension": 3}, expect=201)
    with without_worker(stack):
        time.sleep(1)  # a poll that began before may still take a message
        accepted = queue(api, "POST", "/indexes/queued-late/vectors", {"vectors": [A]})
        assert api.call("GET", accepted.headers["location"]).body["state"] == "queued"
        api.call("DELETE", "/indexes/queued-late", expect=204)
    found = settled(api, accepted)
    assert (found["state"], found["problem"]["type"]) == ("failed", "urn:vectord:problem:index-not-found")


def test_a_message_that_is_sent_again_changes_nothing_and_is_logged(stack: Stack, api: Client) -> None:
    api.call("POST", "/indexes", {"name": "queued-again", "dimension": 3}, expect=201)
    accepted = queue(api, "POST", "/indexes/queued-again/vectors", {"vectors": [A]})
    settled(api, accepted)
    before = api.call("GET", "/indexes/queued-again").headers["etag"]
    message = json.dumps({"index": "queued-again", "token": accepted.body["token"]})
    session().client("sqs", endpoint_url=stack.endpoint).send_message(
        QueueUrl=stack.physical("Changes"), MessageBody=message
    )

    def outcomes() -> list[str] | None:
        lines = lines_of(stack, "AddFunction")
        found = [line["outcome"] for line in lines if line.get("token") == accepted.body["token"]]
        return found if len(found) >= 3 else None

    assert eventually(outcomes, "line of the second delivery") == ["queued", "applied", "done-before"]
    assert api.call("GET", "/indexes/queued-again").headers["etag"] == before
