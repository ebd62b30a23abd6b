"""`Prefer: respond-async`: changes that are accepted, queued and applied by a worker."""

import json
from typing import Any
from unittest.mock import ANY

import pytest

from tests.support.api import Api
from tests.support.change_queue import ChangeQueue, deliver
from tests.support.logs import log_lines
from tests.support.queued_changes import ASYNC, CHANGES, A, B, count, send, state


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_accepted_then_applied(filled: Api, queue: ChangeQueue, change: str) -> None:
    method, path, body, result = CHANGES[change]
    before = filled.send("GET", "/indexes/t")
    accepted = send(filled, method, path, body)
    assert (accepted.status, accepted.headers["Preference-Applied"]) == (202, "respond-async")
    token = accepted.json["token"]
    assert accepted.json == {"token": token, "state": "queued"} == state(filled, accepted)
    assert accepted.headers["Location"] == f"/indexes/t/changes/{token}"
    assert filled.send("GET", "/indexes/t").json == before.json, "nothing is changed before a worker does"

    assert len(queue.deliver(filled)) == 1
    after = filled.send("GET", "/indexes/t")
    sharded = "shards" in after.json
    result, etag = ({**result, "count": None}, {}) if sharded else (result, {"etag": after.etag})
    assert state(filled, accepted) == {"token": token, "state": "applied", "result": result, **etag}


@pytest.mark.parametrize("change", CHANGES)
def test_a_redelivery_changes_nothing(filled: Api, queue: ChangeQueue, change: str) -> None:
    method, path, body, _ = CHANGES[change]
    accepted = send(filled, method, path, body)
    [message] = queue.deliver(filled)
    after = state(filled, accepted)
    filled.add({"id": "a", "vector": [5, 5], "metadata": {"n": 1}}, {"id": "c", "vector": [7, 7]})
    listed = filled.send("GET", "/indexes/t/vectors", query={"include": "metadata,vector"}).json
    assert deliver(filled, message)
    assert state(filled, accepted) == after
    assert filled.send("GET", "/indexes/t/vectors", query={"include": "metadata,vector"}).json == listed


@pytest.mark.parametrize("shards", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_queued_row_has_its_sparse_vector_and_a_bad_one_is_refused_at_once(
    queue: ChangeQueue, api: Api, shards: int
) -> None:
    api.create(sparse={"splade": {}}, shards=shards)
    sparse = {"indices": [7], "values": [2]}
    refused = send(api, "POST", "/vectors", {"vectors": [{**B, "sparse": {"other": sparse}}]})
    assert (refused.status, refused.json["errors"][0]["position"], queue.bodies()) == (422, 0, [])
    accepted = send(api, "POST", "/vectors", {"vectors": [{**B, "sparse": sparse}]})
    queue.deliver(api)
    assert (accepted.status, state(api, accepted)["state"]) == (202, "applied")
    assert api.get(B["id"])["metadata"]["splade"] == sparse


REFUSED: list[tuple[str, str, Any, dict[str, str], int, str]] = [
    ("POST", "/vectors", "{", {}, 400, "malformed-json"),
    ("POST", "/vectors", {"vectors": [{"id": "c", "vector": [1]}]}, {}, 422, "batch-invalid"),
    ("POST", "/vectors", {"vectors": [B]}, {"If-Match": '"other"'}, 412, "precondition-failed"),
    ("POST", "/vectors", {"vectors": [B]}, {"Idempotency-Key": "a b"}, 422, "request-invalid"),
    ("PATCH", "/vectors", {"ids": ["x"], "metadata": 1}, {}, 404, "vector-not-found"),
    ("PATCH", "/vectors", {"filter": {"n": {"$no": 1}}, "metadata": 1}, {}, 422, "filter-invalid"),
    ("DELETE", "/vectors/x", None, {}, 404, "vector-not-found"),
    ("POST", "/vectors/delete", {"filter": {"n": {"$no": 1}}}, {}, 422, "filter-invalid"),
    ("POST", "/vectors/delete", {"filter": {}}, {}, 422, "request-invalid"),
]


@pytest.mark.parametrize(("method", "path", "body", "headers", "status", "slug"), REFUSED)
def test_what_can_be_refused_is_refused_at_once(  # noqa: PLR0917
    queue: ChangeQueue, api: Api, method: str, path: str, body: Any, headers: dict[str, str], status: int, slug: str
) -> None:
    api.create()
    api.add(A, B)
    synchronous = api.send(method, f"/indexes/t{path}", body, headers=headers)
    answer = send(api, method, path, body, **headers)
    assert (answer.status, answer.json["type"]) == (status, f"urn:vectord:problem:{slug}")
    assert answer.json == synchronous.json
    assert queue.bodies() == []


def test_a_sharded_index_has_no_preconditions(queue: ChangeQueue, api: Api) -> None:
    api.create(shards=2)
    assert send(api, "POST", "/vectors", {"vectors": [A]}, **{"If-Match": '"1"'}).status == 422


def test_an_index_that_does_not_exist_is_refused_at_once(queue: ChangeQueue, api: Api) -> None:
    assert send(api, "POST", "/vectors", {"vectors": [A]}).json["type"].endswith(":index-not-found")


def test_a_dry_run_is_answered_at_once(filled: Api, queue: ChangeQueue) -> None:
    answer = send(filled, "POST", "/vectors/delete", {"ids": ["a"], "dry_run": True})
    assert (answer.status, answer.json["deleted"], queue.bodies()) == (200, 1, [])
    assert "Preference-Applied" not in answer.headers


@pytest.mark.parametrize(
    ("prefer", "status"),
    [
        ("respond-async", 202),
        ("Respond-Async; wait=10", 202),
        ('return=minimal, x="a, b", respond-async', 202),
        ("wait=10", 200),
        ('x="a, respond-async"', 200),
        ("", 200),
    ],
)
def test_the_preference_is_read_as_rfc_7240_writes_it(queue: ChangeQueue, api: Api, prefer: str, status: int) -> None:
    api.create()
    assert api.add(A, headers={"Prefer": prefer}).status == status


def test_without_a_queue_the_preference_is_ignored(ephemeral: Api) -> None:
    ephemeral.create()
    answer = send(ephemeral, "POST", "/vectors", {"vectors": [A]})
    assert (answer.status, answer.json["added"]) == (200, 1)
    assert "Preference-Applied" not in answer.headers


class TestIdempotencyKeys:
    def test_a_repeat_has_the_same_token_and_is_applied_once(self, filled: Api, queue: ChangeQueue) -> None:
        change = ("POST", "/vectors/delete", {"ids": ["a"]})
        first = send(filled, *change, **{"Idempotency-Key": "k"})
        again = send(filled, *change, **{"Idempotency-Key": "k"})
        assert (again.status, again.json) == (202, first.json)
        assert len(queue.deliver(filled)) == 2, "the first message may have been lost"
        filled.add(A)
        last = send(filled, *change, **{"Idempotency-Key": "k"})
        assert (last.status, last.json["token"]) == (202, first.json["token"])
        assert (queue.bodies(), count(filled)) == ([], 2)

    def test_a_repeat_is_accepted_although_the_change_made_its_condition_false(
        self, queue: ChangeQueue, api: Api
    ) -> None:
        api.create()
        headers = {"Idempotency-Key": "k", "If-Match": api.add(A, B).etag}
        first = send(api, "DELETE", "/vectors/a", None, **headers)
        queue.deliver(api)
        again = send(api, "DELETE", "/vectors/a", None, **headers)
        assert (first.status, again.status, again.json["token"]) == (202, 202, first.json["token"])

    def test_a_key_names_one_request(self, filled: Api, queue: ChangeQueue) -> None:
        send(filled, "DELETE", "/vectors/a", None, **{"Idempotency-Key": "k"})
        other = send(filled, "DELETE", "/vectors/b", None, **{"Idempotency-Key": "k"})
        assert (other.status, other.json["type"]) == (422, "urn:vectord:problem:idempotency-key-reused")

    def test_a_synchronous_request_with_the_key_is_the_same_request(self, filled: Api, queue: ChangeQueue) -> None:
        accepted = send(filled, "DELETE", "/vectors/a", None, **{"Idempotency-Key": "k"})
        queue.deliver(filled)
        filled.add(A)
        repeated = filled.send("DELETE", "/indexes/t/vectors/a", headers={"Idempotency-Key": "k"})
        assert repeated.json == state(filled, accepted)["result"]
        assert count(filled) == 2

    @pytest.mark.parametrize(
        ("change", "result"),
        [
            (("PATCH", "/vectors", {"ids": ["a"], "metadata": {"n": 2}}), {"patched": 1, "count": 2}),
            (("DELETE", "/vectors/a", None), {"deleted": 1, "count": 1}),
        ],
        ids=["patch", "delete"],
    )
    def test_a_repeat_of_a_failed_change_is_a_new_attempt(
        self, queue: ChangeQueue, api: Api, change: tuple[str, str, Any], result: dict[str, int]
    ) -> None:
        api.create()
        api.add(A, B)
        accepted = send(api, *change, **{"Idempotency-Key": "k"})
        api.send("DELETE", "/indexes/t/vectors/a")
        queue.deliver(api)
        assert state(api, accepted)["state"] == "failed"
        api.add(A)
        again = send(api, *change, **{"Idempotency-Key": "k"})
        assert again.json == {"token": accepted.json["token"], "state": "queued"}
        queue.deliver(api)
        assert state(api, again)["result"] == result


class TestFailures:
    def test_a_change_that_the_state_refuses_has_failed(self, queue: ChangeQueue, api: Api) -> None:
        api.create()
        accepted = send(api, "POST", "/vectors", {"vectors": [A]}, **{"If-Match": api.send("GET", "/indexes/t").etag})
        api.add(B)
        assert len(queue.deliver(api)) == 1
        found = state(api, accepted)
        assert found == {"token": ANY, "state": "failed", "problem": ANY}
        assert found["problem"]["type"] == "urn:vectord:problem:precondition-failed"
        assert found["problem"]["status"] == 412

    def test_a_change_of_a_deleted_index_has_failed_and_can_be_read(self, filled: Api, queue: ChangeQueue) -> None:
        accepted = send(filled, "POST", "/vectors", {"vectors": [A]})
        filled.send("DELETE", "/indexes/t")
        queue.deliver(filled)
        assert state(filled, accepted)["problem"]["type"] == "urn:vectord:problem:index-not-found"

    @pytest.mark.parametrize("token", ["0" * 32, "0", "A" * 32, "films"])
    def test_an_unknown_change_is_not_found(self, filled: Api, queue: ChangeQueue, token: str) -> None:
        answer = filled.send("GET", f"/indexes/t/changes/{token}")
        assert (answer.status, answer.json["type"]) == (404, "urn:vectord:problem:change-not-found")

    def test_a_change_belongs_to_its_index(self, filled: Api, queue: ChangeQueue) -> None:
        token = send(filled, "POST", "/vectors", {"vectors": [A]}).json["token"]
        assert filled.send("GET", f"/indexes/other/changes/{token}").status == 404

    def test_a_queue_that_is_missing_refuses_the_change_and_keeps_nothing(
        self, filled: Api, queue: ChangeQueue
    ) -> None:
        queue.client.delete_queue(QueueUrl=queue.url)
        answer = send(filled, "DELETE", "/vectors/a", None, **{"Idempotency-Key": "k"})
        assert (answer.status, answer.json["type"]) == (500, "urn:vectord:problem:storage-refused")
        other = send(filled, "DELETE", "/vectors/b", None, **{"Idempotency-Key": "k"})
        assert other.json["type"] == "urn:vectord:problem:storage-refused", "the key is not in use"

    @pytest.mark.parametrize(
        "message", ["", "{}", '{"index": "t"}', '{"index": "t", "token": "0", "more": 1}', '{"Records": []}']
    )
    def test_a_message_of_another_form_goes_back(self, filled: Api, message: str) -> None:
        assert not deliver(filled, message)

    def test_a_message_without_its_change_is_done(self, filled: Api) -> None:
        assert deliver(filled, json.dumps({"index": "t", "token": "0" * 32}))
        assert deliver(filled, json.dumps({"index": "../t", "token": "0" * 32}))


def test_a_compressed_body_is_applied(filled: Api, queue: ChangeQueue) -> None:
    import gzip

    body = gzip.compress(json.dumps({"vectors": [{"id": "c", "vector": [1, 1]}]}).encode())
    accepted = filled.send(
        "POST", "/indexes/t/vectors", body, headers={**ASYNC, "Content-Encoding": "gzip", "Idempotency-Key": "k"}
    )
    assert accepted.status == 202
    queue.deliver(filled)
    assert state(filled, accepted)["result"]["added"] == 1


def test_the_log_names_index_token_and_caller(queue: ChangeQueue, api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.create()
    accepted = send(api, "POST", "/vectors", {"vectors": [A]})
    queue.deliver(api)
    [line_of_request, line_of_worker] = [line for line in log_lines(capsys) if line.get("operation") == "add-vectors"]
    token = accepted.json["token"]
    assert (line_of_request["outcome"], line_of_request["token"], line_of_request["etag_after"]) == (
        "queued",
        token,
        None,
    )
    worker = {name: line_of_worker[name] for name in ("index", "token", "outcome", "rows", "principal", "etag_after")}
    etag = api.send("GET", "/indexes/t").etag
    assert worker == {
        "index": "t",
        "token": token,
        "outcome": "applied",
        "rows": 1,
        "principal": "anonymous",
        "etag_after": etag,
    }
