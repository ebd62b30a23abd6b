"""A token's claim decides which indexes its holder may list, read, write and administer; other requests answer 403."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support import template
from tests.support.api import Answer, Api, an_event
from tests.support.backends import CREDENTIALS

DENIED = "urn:vectord:problem:access-denied"
AXES = [{"id": "x", "vector": [1, 0]}, {"id": "y", "vector": [0, 1]}]

# The right of each route, and a request to it with a body that is valid.
ROUTES: Mapping[str, tuple[str, Any]] = {
    "PUT /indexes/{name}": ("admin", {"dimension": 2}),
    "GET /indexes/{name}": ("read", None),
    "PATCH /indexes/{name}": ("admin", {"text": {"body": {}}}),
    "DELETE /indexes/{name}": ("admin", None),
    "POST /indexes/{name}/vectors": ("write", {"vectors": AXES}),
    "GET /indexes/{name}/vectors": ("read", None),
    "PATCH /indexes/{name}/vectors": ("write", {"ids": ["x"], "metadata": {"a": 1}}),
    "GET /indexes/{name}/vectors/{id+}": ("read", None),
    "DELETE /indexes/{name}/vectors/{id+}": ("write", None),
    "POST /indexes/{name}/vectors/get": ("read", {"ids": ["x"]}),
    "POST /indexes/{name}/vectors/count": ("read", {}),
    "POST /indexes/{name}/vectors/facets": ("read", {"paths": ["a"]}),
    "POST /indexes/{name}/vectors/delete": ("write", {"ids": ["y"]}),
    "POST /indexes/{name}/search": ("read", {"vector": [1, 0]}),
    "POST /indexes/{name}/recall": ("read", {}),
    "POST /indexes/{name}/warm": ("read", None),
    "GET /indexes/{name}/changes/{token}": ("read", None),
    "GET /indexes/{name}/versions": ("read", None),
    "GET /indexes/{name}/export": ("read", None),
    "POST /indexes/{name}/restore": ("admin", {"as_of": "2026-01-01T00:00:00Z"}),
    "POST /indexes/{name}/uploads": ("write", {"file": "a.jsonl", "bytes": 1}),
    # also requires "admin" on the new index
    "POST /indexes/{name}/copy": ("read", {"to": "copy"}),
}
WITHOUT_AN_INDEX_IN_THE_PATH = {"POST /indexes", "GET /indexes", "GET /openapi.json"}
RIGHTS = ("read", "write", "admin")


class Guarded:
    """A deployment whose tokens hold their rights in the claim `rights`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VECTORD_ACCESS_CLAIM", "rights")
        monkeypatch.setenv("VECTORD_INBOX", "inbox")
        self.api = Api(one_process=True)

    def send(self, claim: Any, route: str, body: Any = None, *, name: str = "films", **query: str) -> Answer:
        parameters = {"name": name, "id": "x", "token": "x"} if "{name}" in route else {}
        event = an_event(
            route,
            route.split()[1].replace("{name}", name).replace("{id+}", "x").replace("{token}", "x"),
            parameters,
            {},
            query,
        )
        if claim is not None:
            event["requestContext"]["authorizer"] = {"jwt": {"claims": {"rights": claim, "sub": "user"}}}
        if route.endswith("/export"):
            event["queryStringParameters"] = {"format": "jsonl"}
        if body is not None:
            event["body"] = json.dumps(body)
        return self.api.invoke(route, event)

    def create(self, *names: str, **more: Any) -> None:
        for name in names:
            assert self.send("admin:*", "PUT /indexes/{name}", {"dimension": 2, **more}, name=name).status == 201
            assert self.send("admin:*", "POST /indexes/{name}/vectors", {"vectors": AXES}, name=name).status == 200


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Guarded:
    """A guarded deployment over the store in memory: rights are checked before the store is used."""
    monkeypatch.delenv("VECTORD_STORE", raising=False)
    for name, value in CREDENTIALS.items():  # a link to upload is signed
        monkeypatch.setenv(name, value)
    return Guarded(monkeypatch)


def is_denied(answer: Answer) -> bool:
    if answer.status != 403:
        return False
    assert (answer.headers["Content-Type"], answer.json["type"]) == ("application/problem+json", DENIED)
    return True


def test_this_page_knows_every_route() -> None:
    assert ROUTES.keys() | WITHOUT_AN_INDEX_IN_THE_PATH == template.native_routes().keys()
    assert {route for route in template.routes() if "{name}" in route} == ROUTES.keys()


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("held", RIGHTS)
def test_a_right_opens_its_routes_and_no_others(guarded: Guarded, held: str, shards: int) -> None:
    for route, (needed, body) in ROUTES.items():
        guarded.send("admin:*", "DELETE /indexes/{name}")
        guarded.send("admin:*", "DELETE /indexes/{name}", name="copy")
        guarded.create("films", shards=shards)
        answer = guarded.send(f"{held}:films admin:copy", route, body)
        assert is_denied(answer) is (RIGHTS.index(held) < RIGHTS.index(needed)), route


@pytest.mark.parametrize("claim", ["admin:films-2 admin:film admin:other*", "", "[]", "admin:films,", None])
def test_without_a_right_on_the_index_every_route_is_denied_whether_it_exists_or_not(
    guarded: Guarded, claim: str | None
) -> None:
    guarded.create("films")
    for name in ("films", "absent"):
        for route, (_, body) in ROUTES.items():
            answer = guarded.send(claim, route, body, name=name)
            assert is_denied(answer), route
            assert answer.text.replace("absent", "films") == guarded.send(claim, route, body).text
    assert guarded.send("read:*", "POST /indexes/{name}/vectors/count").json == {"count": 2}


def test_a_name_in_another_spelling_needs_the_right_on_the_name_that_the_service_uses(guarded: Guarded) -> None:
    guarded.create("films")
    for name in ("%66ilms", "%2566ilms", "films%2525", "films/", "./films", "../films", "Films", "films\x00"):
        assert is_denied(guarded.send("admin:films", "GET /indexes/{name}", name=name)), name


def test_a_request_through_the_default_route_is_checked_on_its_decoded_name(guarded: Guarded) -> None:
    guarded.create("films")
    for path, status in [("/indexes/films", 200), ("/indexes/other", 403), ("/indexes/%6Fther", 403)]:
        event = an_event("GET /indexes/{name}", path, {}, {}, None)
        event |= {"routeKey": "$default", "rawPath": path}
        event["requestContext"]["authorizer"] = {"jwt": {"claims": {"rights": "read:films"}}}
        assert guarded.api.invoke("GET /indexes/{name}", event).status == status


@pytest.mark.parametrize("route", ["POST /indexes", "PUT /indexes/{name}"])
def test_an_index_is_created_by_an_administrator_of_its_name(guarded: Guarded, route: str) -> None:
    body = {"name": "films", "dimension": 2}
    for claim in ("write:films", "admin:films-2", "admin:other read:*"):
        assert is_denied(guarded.send(claim, route, body))
    assert guarded.send("admin:fil*", route, body).status == 201


@pytest.mark.parametrize(
    ("claim", "denied"),
    [
        ("read:films admin:new", False),
        ("admin:new", True),
        ("admin:films write:new", True),
        ("admin:films", True),
        ("admin:*", False),
    ],
)
def test_a_copy_reads_one_index_and_creates_the_other(guarded: Guarded, claim: str, denied: bool) -> None:
    guarded.create("films")
    assert is_denied(guarded.send(claim, "POST /indexes/{name}/copy", {"to": "new"})) is denied


def test_a_copy_over_an_index_that_the_caller_may_not_see_is_denied_like_one_to_a_free_name(guarded: Guarded) -> None:
    guarded.create("films", "secret")
    answers = [guarded.send("admin:films", "POST /indexes/{name}/copy", {"to": to}) for to in ("secret", "nothing")]
    assert all(map(is_denied, answers))
    assert answers[0].text.replace("secret", "nothing") == answers[1].text


def test_a_listing_shows_what_the_caller_may_read_in_full_pages(guarded: Guarded) -> None:
    guarded.create("films", "films-2", "team-a-1", "team-a-2", "team-b-1", "zoo")
    seen, cursor = [], None
    while True:
        query = {"limit": "2"} | ({} if cursor is None else {"cursor": cursor})
        page = guarded.send("read:films write:team-a-* admin:zoo", "GET /indexes", **query).json
        names = [one["name"] for one in page["indexes"]]
        seen.append(names)
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [["films", "team-a-1"], ["team-a-2", "zoo"]]


@pytest.mark.parametrize("claim", ["read:absent", "", None, "x"])
def test_a_listing_of_a_caller_without_rights_is_empty(guarded: Guarded, claim: str | None) -> None:
    guarded.create("films")
    assert guarded.send(claim, "GET /indexes").json == {"indexes": [], "next": None}


def test_the_openapi_document_needs_no_right(guarded: Guarded) -> None:
    assert guarded.send(None, "GET /openapi.json").status == 200
