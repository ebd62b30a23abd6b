"""Requests that are signed for IAM: credentials, region, and signatures as API Gateway checks them."""

import hashlib
import hmac
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.credentials import AWS, EMPTY, SECRET, list_indexes
from tests.support.raw_server import Received, answer, raw_server

import vectord_client
from vectord_client import AsyncClient, Client, RetryPolicy, errors
from vectord_client.auth import Iam, authorizer

pytestmark = pytest.mark.usefixtures("aws_credentials")


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
        credential = _signature(request, SECRET, "eu-west-1")
        assert credential.startswith("AKIDEXAMPLE/")
    assert len(signed) == 3


def test_the_session_token_islist_indexes(signed: list[Received]) -> None:
    assert {request.headers["x-amz-security-token"] for request in signed} == {"session/token=="}


async def test_an_asynchronous_client_signs_too() -> None:
    with raw_server(EMPTY) as server:
        async with AsyncClient(server.url, auth="iam", region="us-east-1") as client:
            assert [index async for index in client.indexes()] == []
    _signature(server.requests[0], SECRET, "us-east-1")


def test_each_attempt_is_signed_with_credentials_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server(answer(503, b""), EMPTY) as server:
        client = Client(server.url, auth="iam", region="us-east-1", retries=RetryPolicy(base_seconds=0.001))
        list_indexes(client)
    for request in server.requests:
        _signature(request, SECRET, "us-east-1")
    assert len(server.requests) == 2


def test_credentials_of_a_profile_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[films]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = secret\n")
    (tmp_path / "config").write_text("[profile films]\nregion = ap-south-1\n")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_PROFILE", "films")
    with raw_server(EMPTY) as server:
        list_indexes(Client(server.url, auth="iam"))
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
        list_indexes(Client(server.url, auth="iam", region=argument))
    _signature(server.requests[0], SECRET, region)


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
