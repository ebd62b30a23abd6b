"""Idempotency-Key over HTTP."""

from typing import Any

import pytest

from tests.support.api import Answer, Api

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
