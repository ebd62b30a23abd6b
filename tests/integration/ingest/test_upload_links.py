"""Links by which a caller without credentials of AWS uploads one file of a stated length."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import urllib3

from tests.support.api import Answer, Api
from tests.support.backends import CONFUSING, CREDENTIALS
from tests.support.inbox import GOOD, Inbox

SIZE = len(GOOD)
LIMIT = (256 << 20) // 6  # of the 256 MB of the fixture
PUT_ONCE = {"if-none-match": "*"}


def ask(api: Api, file: Any, size: Any = SIZE, index: str = "t") -> Answer:
    return api.send("POST", f"/indexes/{index}/uploads", {"file": file, "bytes": size})


def put(link: dict[str, Any], data: bytes = GOOD) -> int:
    """Send a file as the answer says, without credentials."""
    return urllib3.request(link["method"], link["url"], body=data, headers=link["headers"]).status


def event_of(inbox: Inbox, link: dict[str, Any], data: bytes = GOOD) -> str:
    return inbox.event(link["key"], data)


def test_an_upload_link_works_without_aws_credentials(api: Api, inbox: Inbox) -> None:
    link = ask(api, "x y.jsonl").json
    assert (link["method"], link["headers"], link["expires"]) == ("PUT", PUT_ONCE, 900)
    assert put(link) == 200
    assert inbox.deliver(event_of(inbox, link)) == []
    assert api.send("GET", "/indexes/t").json["count"] == 2


def test_the_key_has_a_random_token_before_the_name_of_the_file(api: Api, inbox: Inbox) -> None:
    keys = [ask(api, "deep/x y.jsonl").json["key"].split("/") for _ in range(20)]
    assert {(key[0], key[1], *key[3:]) for key in keys} == {("uploads", "t", "deep", "x y.jsonl")}
    tokens = {key[2] for key in keys}
    assert len(tokens) == 20
    assert {len(token) for token in tokens} == {32}
    assert not any(token.strip("0123456789abcdef") for token in tokens)


@pytest.mark.parametrize("shards", [1, 3])
def test_two_callers_with_one_file_name_both_have_their_rows_ingested(api: Api, inbox: Inbox, shards: int) -> None:
    api.create("both", 2, shards=shards)
    files = [json.dumps({"id": name, "vector": [1, 1]}).encode() for name in ("first", "second")]
    links = [ask(api, "rows.jsonl", len(data), "both").json for data in files]
    assert [put(link, data) for link, data in zip(links, files, strict=True)] == [200, 200]
    assert inbox.deliver(*(event_of(inbox, *one) for one in zip(links, files, strict=True))) == []
    assert sorted(match["id"] for match in api.search([1, 0], name="both").json["matches"]) == ["first", "second"]
    assert inbox.reports() == []


def test_a_link_does_not_replace_the_file_that_was_put_with_it(api: Api, inbox: Inbox) -> None:
    link = ask(api, "x.jsonl").json
    assert [put(link), put(link, b"-" * len(GOOD))] == [200, 412]
    assert inbox.client.get_object(Bucket=inbox.bucket, Key=link["key"])["Body"].read() == GOOD


def signature(url: str, headers: dict[str, str]) -> str:
    """Return the signature that S3 computes of a PUT to `url` with `headers`, and compares with that of the URL.

    Source: "Authenticating requests: using query parameters (AWS Signature Version 4)" in the API reference of S3.
    """
    parts = urlsplit(url)
    pairs = [pair for pair in parts.query.split("&") if not pair.startswith("X-Amz-Signature=")]
    query = dict(parse_qsl(parts.query))
    names = query["X-Amz-SignedHeaders"].split(";")
    sent = {**headers, "host": parts.netloc}
    lines = ["PUT", parts.path, "&".join(sorted(pairs)), *(f"{name}:{sent[name]}" for name in names), ""]
    canonical = "\n".join([*lines, query["X-Amz-SignedHeaders"], "UNSIGNED-PAYLOAD"]).encode()
    scope = query["X-Amz-Credential"].split("/", 1)[1]
    text = "\n".join([query["X-Amz-Algorithm"], query["X-Amz-Date"], scope, hashlib.sha256(canonical).hexdigest()])
    key = f"AWS4{CREDENTIALS['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


@pytest.mark.parametrize("fips", ["true", "false"])
@pytest.mark.parametrize("endpoint", [None, "http://localhost:9"])
@pytest.mark.parametrize("inbox_name", ["inbox", "dotted.inbox"])
def test_a_signature_covers_the_length_and_the_condition(
    ephemeral: Api, monkeypatch: pytest.MonkeyPatch, fips: str, endpoint: str | None, inbox_name: str
) -> None:
    for name in CONFUSING:
        monkeypatch.delenv(name, raising=False)
    settings = {**CREDENTIALS, "AWS_DEFAULT_REGION": "eu-west-1", "VECTORD_INBOX": inbox_name}
    settings |= {"AWS_USE_FIPS_ENDPOINT": fips} | ({"AWS_ENDPOINT_URL_S3": endpoint} if endpoint else {})
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    ephemeral.create("t", 2)
    url = ask(ephemeral, "x y.jsonl", 123).json["url"]
    query = dict(parse_qsl(urlsplit(url).query))
    assert (query["X-Amz-Algorithm"], query["X-Amz-Expires"]) == ("AWS4-HMAC-SHA256", "900")
    assert query["X-Amz-SignedHeaders"] == "content-length;host;if-none-match"
    sent = {"content-length": "123", "if-none-match": "*"}
    assert signature(url, sent) == query["X-Amz-Signature"]
    for other in ({"content-length": "124"}, {"content-length": "0"}, {"if-none-match": '"etag"'}):
        assert signature(url, {**sent, **other}) != query["X-Amz-Signature"]


def test_an_upload_link_names_the_region_of_its_bucket(ephemeral: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    # A new bucket answers the name without a region by a redirect, which a signed PUT does not survive.
    for name in CONFUSING:
        monkeypatch.delenv(name, raising=False)
    for name, value in {**CREDENTIALS, "AWS_DEFAULT_REGION": "eu-west-1", "VECTORD_INBOX": "inbox"}.items():
        monkeypatch.setenv(name, value)
    ephemeral.create("t", 2)
    link = ask(ephemeral, "x.jsonl").json
    assert link["url"].startswith(f"https://inbox.s3.eu-west-1.amazonaws.com/{link['key']}?")


@pytest.mark.parametrize(
    ("index", "file", "status"),
    [
        ("absent", "x.jsonl", 404),
        ("t", "x.csv", 422),
        ("t", "../x.jsonl", 422),
        ("t", "/x.jsonl", 422),
        ("t", "x/../../y.jsonl", 422),
        ("t", ".x.jsonl", 422),
        ("t", "_temporary/x.jsonl", 422),
        ("t", 7, 422),
    ],
)
def test_an_upload_link_for_an_invalid_target_is_refused(
    api: Api, inbox: Inbox, index: str, file: Any, status: int
) -> None:
    assert ask(api, file, index=index).status == status


@pytest.mark.parametrize(
    "size", [0, -1, LIMIT + 1, 5 << 30, 10**18, 1 << 63, 10**40, 1.5, "100", True, None, [1]], ids=str
)
def test_a_length_that_could_not_be_ingested_is_refused(api: Api, inbox: Inbox, size: Any) -> None:
    answer = ask(api, "x.jsonl", size)
    assert (answer.status, answer.json["type"]) == (422, "urn:vectord:problem:request-invalid")
    assert "bytes must be" in answer.json["detail"]


def test_the_refusal_of_a_length_names_the_limit(api: Api, inbox: Inbox) -> None:
    assert ask(api, "x.jsonl", LIMIT).status == 200
    assert f"{LIMIT:,}" in ask(api, "x.jsonl", LIMIT + 1).json["detail"]


def test_the_length_is_required(api: Api, inbox: Inbox) -> None:
    answer = api.send("POST", "/indexes/t/uploads", {"file": "x.jsonl"})
    assert (answer.status, "'bytes'" in answer.json["detail"]) == (422, True)
