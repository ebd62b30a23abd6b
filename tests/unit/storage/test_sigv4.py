"""Requests are signed as AWS's examples and botocore sign them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from vectord.storage.s3.address import address
from vectord.storage.s3.sigv4 import UNSIGNED, Keys, authorization, presigned, query_of, signed

# "Signature Calculations for the Authorization Header" in the API reference of Amazon S3.
EXAMPLE = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
AT = datetime(2013, 5, 24, tzinfo=UTC)
HOST = {"host": "examplebucket.s3.amazonaws.com", "x-amz-date": "20130524T000000Z"}
GET = HOST | {
    "range": "bytes=0-9",
    "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}
LIST = HOST | {"x-amz-content-sha256": GET["x-amz-content-sha256"]}
PUT = HOST | {
    "date": "Fri, 24 May 2013 00:00:00 GMT",
    "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
}


@pytest.mark.parametrize(
    ("method", "path", "headers", "signature"),
    [
        ("GET", "/test.txt", GET, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        ("PUT", "/test%24file.text", PUT, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
        ("GET", "/?lifecycle=", LIST, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("GET", "/?max-keys=2&prefix=J", LIST, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_the_published_examples_come_out_as_published(
    method: str, path: str, headers: dict[str, str], signature: str
) -> None:
    path, _, query = path.partition("?")
    value = authorization(method, path, headers, query=query, keys=EXAMPLE, region="us-east-1", at=AT)
    assert value == (
        f"AWS4-HMAC-SHA256 Credential={EXAMPLE.access}/20130524/us-east-1/s3/aws4_request, "
        f"SignedHeaders={';'.join(sorted(headers))}, Signature={signature}"
    )


printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
spaced = st.lists(printable, min_size=1, max_size=3).map("  ".join)


@dataclass(frozen=True)
class Sent:
    """A request to sign; `signs` if its body goes into the signature."""

    method: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    signs: bool


requests = st.builds(
    Sent,
    st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE"]),
    text,
    st.dictionaries(text, st.just("") | text, max_size=3),
    st.dictionaries(st.sampled_from(["content-type", "if-match", "x-amz-meta-commit", "x-amz-copy-source"]), spaced),
    st.binary(max_size=20),
    st.booleans(),
)


@given(
    sent=requests,
    region=st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1"]),
    endpoint=st.sampled_from([None, "http://127.0.0.1:4566", "https://s3.example:443", "http://host/some/path"]),
    keys=st.builds(Keys, printable, printable, st.none() | printable),
)
def test_botocore_signs_the_same(*, sent: Sent, region: str, endpoint: str | None, keys: Keys) -> None:
    at = address("a-bucket", region, endpoint)
    request = AWSRequest(sent.method, f"{at.base}{at.path(sent.key)}", sent.headers, sent.body, sent.query)
    request.context["client_config"] = Config(s3={"payload_signing_enabled": sent.signs})
    S3SigV4Auth(Credentials(keys.access, keys.secret, keys.token), "s3", region).add_auth(request)
    theirs = {name.lower(): value for name, value in request.headers.items()}
    when = datetime.strptime(theirs["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    ours = signed(
        sent.method,
        at.host,
        urlsplit(at.base + at.path(sent.key)).path,
        query=query_of(sent.query),
        headers=sent.headers,
        payload=sha256(sent.body).hexdigest() if sent.signs else UNSIGNED,
        keys=keys,
        region=region,
        at=when,
    )
    assert {name: value for name, value in ours.items() if name != "host"} == theirs


def test_the_published_example_of_a_link_comes_out_as_published() -> None:
    # "Authenticating Requests: Using Query Parameters" in the same reference.
    query = presigned(
        "GET", HOST["host"], "/test.txt", query={}, seconds=86400, keys=EXAMPLE, region="us-east-1", at=AT
    )
    assert query == (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


@pytest.mark.parametrize("token", [None, "to/ken+="])
def test_botocore_signs_links_the_same(token: str | None) -> None:
    keys = Keys("access", "secret", token)
    shown = {"response-content-disposition": 'attachment; filename="a b.lhv1"', "versionId": "a/b+c"}
    request = AWSRequest("GET", f"https://h.example/b/k%20k?{query_of(shown)}")
    S3SigV4QueryAuth(Credentials("access", "secret", token), "s3", "eu-west-1", expires=60).add_auth(request)
    theirs = dict(parse_qsl(urlsplit(request.url).query))
    when = datetime.strptime(theirs["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ours = presigned("GET", "h.example", "/b/k%20k", query=shown, seconds=60, keys=keys, region="eu-west-1", at=when)
    assert dict(parse_qsl(ours)) == theirs


def test_a_secret_never_shows() -> None:
    assert "hidden" not in repr(Keys("access", "hidden", "hidden"))
