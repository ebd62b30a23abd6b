"""Queued changes of an index that is deleted, and created again with the same name."""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.change_queue import ChangeQueue
from tests.support.queued_changes import CHANGES, A, B, count, send, state


def created_again(api: Api, *rows: Any) -> None:
    """Delete index `t`, and create one of its name and shards with `rows`."""
    shards = len(api.send("GET", "/indexes/t").json.get("shards", [1]))
    assert api.send("DELETE", "/indexes/t").status == 204
    api.create(shards=shards)
    if rows:
        assert api.add(*rows).status == 200


class TestAnIndexThatIsCreatedAgain:
    @pytest.mark.parametrize("change", CHANGES)
    def test_it_gets_no_change_that_was_accepted_before(self, filled: Api, queue: ChangeQueue, change: str) -> None:
        method, path, body, _ = CHANGES[change]
        accepted = send(filled, method, path, body)
        created_again(filled, A, B)
        before = filled.send("GET", "/indexes/t").json
        assert len(queue.deliver(filled)) == 1
        found = state(filled, accepted)
        assert (found["state"], found["problem"]["type"]) == ("failed", "urn:vectord:problem:index-not-found")
        assert "created again" in found["problem"]["detail"]
        assert filled.send("GET", "/indexes/t").json == before

    def test_a_request_with_a_key_that_the_earlier_index_knows_is_a_change_of_its_own(
        self, filled: Api, queue: ChangeQueue
    ) -> None:
        change = ("POST", "/vectors", {"vectors": [{"id": "c", "vector": [1, 1]}]})
        first = send(filled, *change, **{"Idempotency-Key": "k"})
        queue.deliver(filled)
        created_again(filled)
        second = send(filled, *change, **{"Idempotency-Key": "k"})
        queue.deliver(filled)
        assert (state(filled, first)["state"], state(filled, second)["state"]) == ("applied", "applied")
        assert (first.json["token"] != second.json["token"], count(filled)) == (True, 1)

    def test_it_refuses_what_the_earlier_one_had_accepted_if_it_cannot_have_it(
        self, queue: ChangeQueue, api: Api
    ) -> None:
        api.create()
        change = ("DELETE", "/vectors/a", None)
        api.add(A)
        assert send(api, *change, **{"Idempotency-Key": "k"}).status == 202
        created_again(api)
        assert send(api, *change, **{"Idempotency-Key": "k"}).status == 404
