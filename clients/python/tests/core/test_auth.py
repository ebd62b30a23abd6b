"""Requests without credentials, with tokens, and signed for IAM."""

import asyncio

import pytest
from tests.core.credentials import AWS, EMPTY, list_indexes
from tests.support.raw_server import answer, raw_server

from vectord_client import AccessRefused, AsyncClient, Client, errors
from vectord_client.auth import Iam, Open, Token, authorizer

pytestmark = pytest.mark.usefixtures("aws_credentials")
REFUSED = answer(401, {"message": "Unauthorized"})


@pytest.mark.parametrize(
    ("auth", "url", "environment", "kind"),
    [
        (None, "http://localhost:8080", {}, Open),
        (None, AWS, {}, Iam),
        (None, AWS + "/prod", {}, Iam),
        (None, AWS + ".cn", {}, Iam),
        (None, AWS, {"VECTORD_AUTH": "none"}, Open),
        (None, "https://vectors.example.com", {"VECTORD_AUTH": "iam", "AWS_REGION": "eu-west-1"}, Iam),
        (None, AWS, {"VECTORD_TOKEN": "ey.a.b"}, Token),
        (None, "http://localhost:8080", {"VECTORD_AUTH": "", "VECTORD_TOKEN": ""}, Open),
        (None, "https://execute-api.example.com", {}, Open),
        ("none", AWS, {"VECTORD_TOKEN": "ey.a.b"}, Open),
        ("iam", AWS, {"VECTORD_TOKEN": "ey.a.b"}, Iam),
        ("ey.a.b", AWS, {}, Token),
        (lambda: "ey.a.b", AWS, {}, Token),
    ],
)
def test_argument_then_environment_then_host_decide(
    monkeypatch: pytest.MonkeyPatch, auth: object, url: str, environment: dict[str, str], kind: type
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert type(authorizer(auth, url, None, environment)) is kind  # type: ignore[arg-type]


def test_no_credentials_are_sent_without_auth() -> None:
    with raw_server(EMPTY) as server:
        list_indexes(Client(server.url))
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("token", ["ey.a.b", " ey.a.b\n", "Bearer ey.a.b"])
def test_a_token_is_sent_as_a_bearer_token(token: str) -> None:
    with raw_server(EMPTY) as server:
        list_indexes(Client(server.url, auth=token))
    assert server.requests[0].headers["authorization"] == "Bearer ey.a.b"


@pytest.mark.parametrize("token", ["", " ", "two\nlines", "é", 7])
def test_what_is_not_a_token_is_refused(token: object) -> None:
    with raw_server(EMPTY) as server, pytest.raises(errors.ArgumentInvalid, match="token"):
        list_indexes(Client(server.url, auth=lambda: token))  # type: ignore[arg-type, return-value]
    assert server.requests == []


def test_a_callable_is_called_once_while_its_token_is_accepted() -> None:
    tokens = iter(["first", "second"])
    with raw_server(EMPTY) as server:
        client = Client(server.url, auth=lambda: next(tokens))
        assert list(client.indexes()) == list(client.indexes()) == []
        client.close()
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer first"] * 2


def test_a_callable_renews_a_token_that_was_refused() -> None:
    tokens = iter(["old", "new"])
    with raw_server(REFUSED, EMPTY) as server:
        list_indexes(Client(server.url, auth=lambda: next(tokens)))
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer old", "Bearer new"]


def test_a_token_that_is_refused_again_is_an_error() -> None:
    with raw_server(REFUSED) as server, pytest.raises(AccessRefused):
        list_indexes(Client(server.url, auth=lambda: "old"))
    assert len(server.requests) == 2


def test_a_fixed_token_that_is_refused_is_an_error() -> None:
    with raw_server(REFUSED) as server, pytest.raises(AccessRefused):
        list_indexes(Client(server.url, auth="old"))
    assert len(server.requests) == 1


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_asynchronous_client_takes_both_kinds_of_callables(asynchronous: bool) -> None:
    tokens = iter(["old", "new"])

    async def fetch() -> str:
        return next(tokens)

    with raw_server(REFUSED, EMPTY) as server:
        async with AsyncClient(server.url, auth=fetch if asynchronous else lambda: next(tokens)) as client:
            assert [index async for index in client.indexes()] == []
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer old", "Bearer new"]


async def test_requests_side_by_side_fetch_one_token() -> None:
    calls = 0

    async def fetch() -> str:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.01)
        return f"token-{calls}"

    info = answer(200, {"count": 1})
    with raw_server(info) as server:
        async with AsyncClient(server.url, auth=fetch) as client:
            assert await asyncio.gather(*(client.index("films").count() for _ in range(5))) == [1] * 5
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer token-1"}


def test_a_synchronous_client_refuses_a_coroutine_function() -> None:
    async def fetch() -> str:
        return "token"

    with raw_server(EMPTY) as server, pytest.raises(errors.ArgumentInvalid, match="AsyncClient"):
        list_indexes(Client(server.url, auth=fetch))


def test_a_token_is_in_no_representation() -> None:
    with raw_server(REFUSED) as server, Client(server.url, auth="ey.secret") as client:
        with pytest.raises(AccessRefused) as raised:
            client.index("films").info()
        shown = [client, client.transport, client.transport.__dict__, raised.value, vars(raised.value)]
    assert "secret" not in repr(shown)
