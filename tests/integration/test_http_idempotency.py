"""Idempotency-Key over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.api import Answer, Api
from tests.support.backends import S3Backend

A = {"id": "a", "vector": [1, 0]}
CHANGES: list[tuple[str, str, Any]] = [
    ("POST", "/vectors", {"vectors": [A]}),
    ("DELETE", "/vectors/a", None),
    ("POST", "/vectors/delete", {"ids": ["a"]}),
]


def send(api: Api, change: tuple[str, str, Any], key: str = "k-1") -> Answer:
    method, path, body = change
    return api.send(method, f"/indexes/t{path}", body, headers={"Idempotency-Key": key})


@pytest.fixture
def filled(api: Api) -> Api:
    api.create()
    api.add(A)
    return api


@pytest.mark.parametrize("change", CHANGES)
def test_a_repeat_returns_the_first_result_and_the_current_etag(filled: Api, change: tuple[str, str, Any]) -> None:
    first = send(filled, change)
    now = filled.add({"id": "other", "vector": [1, 1]}).etag
    again = send(filled, change)
    assert (first.status, again.status, again.json, again.etag) == (200, 200, first.json, now)


def test_another_key_is_another_change(filled: Api) -> None:
    assert send(filled, CHANGES[2]).json["deleted"] == 1
    assert send(filled, CHANGES[2], "k-2").json["deleted"] == 0


@pytest.mark.parametrize(
    "other",
    [
        ("POST", "/vectors", {"vectors": [{"id": "a", "vector": [1, 1]}]}),
        ("DELETE", "/vectors/b", None),
        ("POST", "/vectors/delete", {"ids": ["a"]}),
    ],
)
def test_a_key_reused_for_another_request_is_refused_and_changes_nothing(
    filled: Api, other: tuple[str, str, Any]
) -> None:
    etag = send(filled, ("DELETE", "/vectors/a", None)).etag
    answer = send(filled, other)
    assert (answer.status, answer.json["type"]) == (422, "urn:vectord:problem:idempotency-key-reused")
    assert filled.send("GET", "/indexes/t").etag == etag


@pytest.mark.parametrize("key", ["", "a b", "ü", "\t", "x" * 256])
def test_a_key_must_be_1_to_255_visible_ascii_characters(ephemeral: Api, key: str) -> None:
    ephemeral.create()
    assert send(ephemeral, CHANGES[0], key).json["type"] == "urn:vectord:problem:request-invalid"
    assert send(ephemeral, CHANGES[0], "x" * 255).status == 200


# ---- whichever rows a request reaches

ROWS = [{"id": f"row-{number}", "vector": [1, number], "metadata": {"n": number % 2}} for number in range(12)]
FORMS: dict[str, tuple[str, str, Any]] = {
    "add": ("POST", "/vectors", {"vectors": [ROWS[0]]}),
    "add elsewhere": ("POST", "/vectors", {"vectors": ROWS[1:3]}),
    "patch": ("PATCH", "/vectors", {"ids": ["row-3"], "metadata": {"n": 7}}),
    "patch of a missing id": ("PATCH", "/vectors", {"ids": ["absent"], "metadata": {"n": 7}}),
    "patch by filter": ("PATCH", "/vectors", {"filter": {"n": 1}, "metadata": {"n": 8}}),
    "delete by path": ("DELETE", "/vectors/row-4", None),
    "delete": ("POST", "/vectors/delete", {"ids": ["row-5"]}),
    "delete by filter": ("POST", "/vectors/delete", {"filter": {"n": 0}}),
}
PAIRS = [(first, other) for first in FORMS for other in FORMS if first not in (other, "patch of a missing id")]


@pytest.mark.parametrize("shards", [1, 5])
@pytest.mark.slow
def test_a_key_names_one_request_in_every_form(ephemeral: Api, shards: int) -> None:
    ephemeral.create(shards=shards)
    for number, (first, other) in enumerate(PAIRS):
        assert ephemeral.add(*ROWS).status == 200
        answer = send(ephemeral, FORMS[first], f"key-{number}")
        assert answer.status == 200
        etag = ephemeral.send("GET", "/indexes/t").etag
        refused = send(ephemeral, FORMS[other], f"key-{number}")
        assert (refused.status, refused.json["type"]) == (422, "urn:vectord:problem:idempotency-key-reused"), other
        again = send(ephemeral, FORMS[first], f"key-{number}")
        assert (again.status, again.json) == (200, answer.json), first
        assert ephemeral.send("GET", "/indexes/t").etag == etag, (first, other)


@pytest.mark.parametrize("shards", [1, 5])
def test_a_repeat_of_a_deletion_that_found_no_vector_is_a_new_attempt(ephemeral: Api, shards: int) -> None:
    ephemeral.create(shards=shards)
    refused = send(ephemeral, ("DELETE", "/vectors/a", None))
    assert (refused.status, refused.json["type"]) == (404, "urn:vectord:problem:vector-not-found")
    ephemeral.add(A)
    again = send(ephemeral, ("DELETE", "/vectors/a", None))
    assert (again.status, again.json["deleted"]) == (200, 1)
    ephemeral.add(A)
    assert send(ephemeral, ("DELETE", "/vectors/a", None)).json == again.json, "now it is"


def test_a_deletion_that_finds_no_vector_commits_nothing(ephemeral: Api) -> None:
    ephemeral.create()
    etag = ephemeral.add(A).etag
    assert send(ephemeral, ("DELETE", "/vectors/b", None)).status == 404
    assert ephemeral.send("GET", "/indexes/t").etag == etag


def test_another_request_may_have_the_key_of_a_deletion_that_found_no_vector(ephemeral: Api) -> None:
    ephemeral.create(shards=5)
    assert send(ephemeral, ("DELETE", "/vectors/a", None)).status == 404
    assert send(ephemeral, ("POST", "/vectors", {"vectors": [A]})).status == 200


@pytest.mark.parametrize("shards", [1, 5])
def test_a_request_is_its_route_path_and_body_byte_for_byte(ephemeral: Api, shards: int) -> None:
    ephemeral.create(shards=shards)
    body = '{"vectors": [{"id": "a", "vector": [1, 0]}]}'
    change = ("POST", "/vectors", body)
    assert send(ephemeral, change).status == 200
    assert send(ephemeral, change).status == 200
    assert send(ephemeral, ("POST", "/vectors", body.replace("[1, 0]", '"AACAPwAAAAA="'))).status == 422
    assert send(ephemeral, ("POST", "/vectors", body.replace(" ", ""))).status == 422
    assert send(ephemeral, change, "another").status == 200


def test_preconditions_are_not_a_part_of_a_request(ephemeral: Api) -> None:
    ephemeral.create()
    sent = [
        ephemeral.add(A, headers={"Idempotency-Key": "k", **headers})
        for headers in ({"If-Match": ephemeral.send("GET", "/indexes/t").etag}, {}, {"If-Match": '"another"'})
    ]
    assert [(answer.status, answer.json) for answer in sent] == [(200, {"added": 1, "replaced": 0, "count": 1})] * 3
    refused = ephemeral.add({"id": "b", "vector": [1, 0]}, headers={"Idempotency-Key": "k", "If-Match": '"another"'})
    assert (refused.status, refused.json["type"]) == (422, "urn:vectord:problem:idempotency-key-reused")


# ---- faults and races between shards


@pytest.mark.slow
def test_a_repeat_completes_what_a_fault_left_and_another_request_is_refused_meanwhile(
    on_s3_in_one_process: Api, bucket: S3Backend
) -> None:
    api, change = on_s3_in_one_process, ("POST", "/vectors", {"vectors": ROWS})
    api.create(shards=3)
    for number in range(3):
        [key] = [bucket.key(name) for name in bucket.objects() if name.endswith(f"/{number}")]
        sound, index_key = bucket.read(key), f"key-{number}"
        bucket.write(key, b"LHV2 and more")
        failed = send(api, change, index_key)
        assert failed.json["type"].rpartition(":")[2] in {"partly-applied", "index-corrupt"}
        bucket.write(key, sound)
        before = dict(bucket.objects())
        if failed.json["type"].endswith("partly-applied"):
            assert send(api, FORMS["delete by filter"], index_key).status == 422
            assert send(api, FORMS["patch of a missing id"], index_key).status == 422
        assert bucket.objects() == before
        completed = send(api, change, index_key)
        assert (completed.status, completed.json["added"] + completed.json["replaced"]) == (200, len(ROWS))
        assert send(api, change, index_key).json == completed.json
    assert api.send("GET", "/indexes/t").json["count"] == len(ROWS)


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 5])
def test_of_requests_that_race_with_one_key_one_is_applied(ephemeral: Api, shards: int) -> None:
    ephemeral.create(shards=shards)

    def race(turn: int, racer: int) -> int:
        rows = [{"id": f"{turn}-{racer}-{number}", "vector": [1, number]} for number in range(3)]
        while (answer := send(ephemeral, ("POST", "/vectors", {"vectors": rows}), f"key-{turn}")).status == 503:
            pass
        return answer.status

    for turn in range(5):
        with ThreadPoolExecutor(4) as pool:
            statuses = list(pool.map(race, [turn] * 4, range(4)))
        assert sorted(statuses) == [200, 422, 422, 422]
        listed = ephemeral.send("GET", "/indexes/t/vectors", query={"prefix": f"{turn}-"}).json["vectors"]
        assert {row["id"] for row in listed} == {f"{turn}-{statuses.index(200)}-{number}" for number in range(3)}
