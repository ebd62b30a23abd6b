"""Requests without credentials, with tokens, and signed for IAM."""

import asyncio
import hashlib
import hmac
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.raw_server import Received, answer, raw_server

import vectord_client
from vectord_client import AccessRefused, AsyncClient, Client, RetryPolicy, errors
from vectord_client.auth import Iam, Open, Token, authorizer

AWS = "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"
EMPTY = answer(200, {"indexes": [], "next": None})
REFUSED = answer(401, {"message": "Unauthorized"})


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def _sent(client: Client) -> None:
    with client:
        assert list(client.indexes()) == []


# ---------------------------------------------------------------------------------------------------- which credentials


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
        _sent(Client(server.url))
    assert "authorization" not in server.requests[0].headers


# --------------------------------------------------------------------------------------------------------------- tokens


@pytest.mark.parametrize("token", ["ey.a.b", " ey.a.b\n", "Bearer ey.a.b"])
def test_a_token_is_sent_as_a_bearer_token(token: str) -> None:
    with raw_server(EMPTY) as server:
        _sent(Client(server.url, auth=token))
    assert server.requests[0].headers["authorization"] == "Bearer ey.a.b"


@pytest.mark.parametrize("token", ["", " ", "two\nlines", "é", 7])
def test_what_is_not_a_token_is_refused(token: object) -> None:
    with raw_server(EMPTY) as server, pytest.raises(errors.ArgumentInvalid, match="token"):
        _sent(Client(server.url, auth=lambda: token))  # type: ignore[arg-type, return-value]
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
        _sent(Client(server.url, auth=lambda: next(tokens)))
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer old", "Bearer new"]


def test_a_token_that_is_refused_again_is_an_error() -> None:
    with raw_server(REFUSED) as server, pytest.raises(AccessRefused):
        _sent(Client(server.url, auth=lambda: "old"))
    assert len(server.requests) == 2


def test_a_fixed_token_that_is_refused_is_an_error() -> None:
    with raw_server(REFUSED) as server, pytest.raises(AccessRefused):
        _sent(Client(server.url, auth="old"))
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
        _sent(Client(server.url, auth=fetch))


# ------------------------------------------------------------------------------------------------------------------ IAM


def _signature(request: Received, secret: str, region: str) -> str:
    """Return the signature that API Gateway computes of a request that it received (Signature Version 4)."""
    fields = dict(part.strip().split("=", 1) for part in request.headers["authorization"].split(" ", 1)[1].split(","))
    names = fields["SignedHeaders"].split(";")
    path, _, query = request.target.partition("?")
    canonical = "\n".join(
        [
            request.method,
            path.replace("%", "%25"),
            "&".join(sorted(query.split("&"))),
            *(f"{name}:{request.headers[name]}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    moment = request.headers["x-amz-date"]
    scope = [moment[:8], region, "execute-api", "aws4_request"]
    key = b"AWS4" + secret.encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{moment}\n{'/'.join(scope)}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    assert hmac.digest(key, text.encode(), "sha256").hex() == fields["Signature"]
    return fields["Credential"]


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Received]]:
    """Yield requests with a path, a query and a body that need care, as a server received them."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session/token==")
    found = answer(200, {"id": "a", "vector": "AACAPw==", "metadata": None, "vectors": [], "next": None, "deleted": 0})
    with raw_server(found) as server, Client(server.url + "/prod", auth="iam", region="eu-west-1") as client:
        films = client.index("films")
        films.vector("a/b c+é")
        films.rows(filter={"by.name": "Ö & ü", "x": {"$gt": 1}}, order_by="a b").to_list()
        films.delete(ids=["é"])
    yield server.requests


def test_requests_are_signed_as_api_gateway_checks_them(signed: list[Received]) -> None:
    for request in signed:
        credential = _signature(request, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-west-1")
        assert credential.startswith("AKIDEXAMPLE/")
    assert len(signed) == 3


def test_the_session_token_is_sent(signed: list[Received]) -> None:
    assert {request.headers["x-amz-security-token"] for request in signed} == {"session/token=="}


async def test_an_asynchronous_client_signs_too() -> None:
    with raw_server(EMPTY) as server:
        async with AsyncClient(server.url, auth="iam", region="us-east-1") as client:
            assert [index async for index in client.indexes()] == []
    _signature(server.requests[0], "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1")


def test_each_attempt_is_signed_with_credentials_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server(answer(503, b""), EMPTY) as server:
        client = Client(server.url, auth="iam", region="us-east-1", retries=RetryPolicy(base_seconds=0.001))
        _sent(client)
    for request in server.requests:
        _signature(request, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1")
    assert len(server.requests) == 2


def test_credentials_of_a_profile_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[films]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = secret\n")
    (tmp_path / "config").write_text("[profile films]\nregion = ap-south-1\n")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_PROFILE", "films")
    with raw_server(EMPTY) as server:
        _sent(Client(server.url, auth="iam"))
    assert _signature(server.requests[0], "secret", "ap-south-1").startswith("AKIDPROFILE/")


def test_the_region_of_the_host_name_is_used() -> None:
    signer = authorizer("iam", AWS, None, {"AWS_REGION": "us-east-1"})
    assert isinstance(signer, Iam)
    assert signer.region == "eu-west-1"


def test_missing_credentials_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(errors.CredentialsMissing, match="aws configure"):
        Client(AWS)


def test_a_profile_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "unknown-profile")
    with pytest.raises(errors.CredentialsMissing, match="unknown-profile"):
        Client(AWS)


@pytest.mark.parametrize(
    "url", ["https://vectors.example.com", "https://a1.execute-api.eu-west-1.amazonaws.com"], ids=["other host", "AWS"]
)
@pytest.mark.parametrize("region", [None, "eu-west-1"])
def test_a_profile_that_does_not_exist_is_named_for_every_host(
    monkeypatch: pytest.MonkeyPatch, url: str, region: str | None
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "unknown-profile")
    with pytest.raises(errors.CredentialsMissing, match="unknown-profile"):
        Client(url, auth="iam", region=region)


@pytest.mark.parametrize(
    ("environment", "argument", "region"),
    [
        ({"AWS_REGION": "eu-west-1"}, None, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, None, "eu-west-2"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, None, "eu-west-1"),
        ({"AWS_REGION": "eu-west-1"}, "us-east-1", "us-east-1"),
    ],
)
def test_the_region_comes_from_the_argument_or_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], argument: str | None, region: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with raw_server(EMPTY) as server:
        _sent(Client(server.url, auth="iam", region=argument))
    _signature(server.requests[0], "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", region)


def test_a_missing_region_is_named() -> None:
    with pytest.raises(errors.CredentialsMissing, match="AWS_REGION"):
        Client("https://vectors.example.com", auth="iam")


def test_a_missing_extra_is_named() -> None:
    program = "import sys; sys.modules['botocore'] = None; from vectord_client import Client; Client(sys.argv[1])"
    environment = {"PYTHONPATH": str(Path(vectord_client.__file__).parents[1])}
    command = [sys.executable, "-c", program, AWS]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "MissingExtra" in ran.stderr
    assert "pip install 'vectord-client[iam]'" in ran.stderr


def test_a_token_is_in_no_representation() -> None:
    with raw_server(REFUSED) as server, Client(server.url, auth="ey.secret") as client:
        with pytest.raises(AccessRefused) as raised:
            client.index("films").info()
        shown = [client, client.transport, client.transport.__dict__, raised.value, vars(raised.value)]
    assert "secret" not in repr(shown)
