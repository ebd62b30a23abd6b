"""Requests are signed as AWS's examples and botocore sign them."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from vectord.stores.s3_address import address
from vectord.stores.sigv4 import Keys, authorization, signed

# "Signature Calculations for the Authorization Header" in the API reference of Amazon S3.
EXAMPLE = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
AT = datetime(2013, 5, 24, tzinfo=UTC)
HOST = {"host": "examplebucket.s3.amazonaws.com", "x-amz-date": "20130524T000000Z"}
GET = HOST | {
    "range": "bytes=0-9",
    "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}
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
    ],
)
def test_the_published_examples_come_out_as_published(
    method: str, path: str, headers: dict[str, str], signature: str
) -> None:
    value = authorization(method, path, headers, keys=EXAMPLE, region="us-east-1", at=AT)
    assert value == (
        f"AWS4-HMAC-SHA256 Credential={EXAMPLE.access}/20130524/us-east-1/s3/aws4_request, "
        f"SignedHeaders={';'.join(sorted(headers))}, Signature={signature}"
    )


printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)


@given(
    method=st.sampled_from(["GET", "HEAD"]),
    key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    region=st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1"]),
    endpoint=st.sampled_from([None, "http://127.0.0.1:4566", "https://s3.example:443", "http://host/some/path"]),
    access=printable,
    secret=printable,
    token=st.none() | printable,
)
def test_botocore_signs_the_same(
    *, method: str, key: str, region: str, endpoint: str | None, access: str, secret: str, token: str | None
) -> None:
    at = address("a-bucket", region, endpoint)
    request = AWSRequest(method, f"{at.base}{at.path(key)}")
    S3SigV4Auth(Credentials(access, secret, token), "s3", region).add_auth(request)
    theirs = {name.lower(): value for name, value in request.headers.items()}
    when = datetime.strptime(theirs["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    path = urlsplit(at.base + at.path(key)).path
    ours = signed(method, at.host, path, keys=Keys(access, secret, token), region=region, at=when)
    assert {name: value for name, value in ours.items() if name != "host"} == theirs


def test_a_secret_never_shows() -> None:
    assert "hidden" not in repr(Keys("access", "hidden", "hidden"))
