"""A bucket is reached where boto3 reaches it."""

from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from vectord.storage.s3.address import address

BUCKETS = ["abc", "a-bucket-1", "with.dots", "x" * 63]
REGIONS = ["eu-central-1", "us-gov-west-1", "cn-north-1"]
KEYS = ["_vectors/t.lhv1", "pre fix/ä+%41/t&=?#~.lhv1", "_vectors/.staging/0123"]


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("bucket", BUCKETS)
@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:4566"])
def test_every_key_has_the_url_that_boto3_gives_it(region: str, bucket: str, endpoint: str | None) -> None:
    # Left to itself, boto3 writes links of the oldest regions without their name.
    style: Any = "path" if endpoint or "." in bucket else "virtual"
    client = boto3.client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        config=Config(signature_version="s3v4", s3={"addressing_style": style}),
        aws_access_key_id="access",
        aws_secret_access_key="secret",
    )
    at = address(bucket, region, endpoint)
    for key in KEYS:
        theirs = urlsplit(client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}))
        assert at.base + at.path(key) == f"{theirs.scheme}://{theirs.netloc}{theirs.path}"


def test_the_oldest_region_is_named_too() -> None:
    assert address("b-1", "us-east-1").base == "https://b-1.s3.us-east-1.amazonaws.com"


@pytest.mark.parametrize("bucket", ["with.dots", "Upper", "under_score"])
def test_a_bucket_that_is_no_host_name_is_reached_by_path(bucket: str) -> None:
    at = address(bucket, "eu-west-1")
    assert (at.base, at.path("t")) == ("https://s3.eu-west-1.amazonaws.com", f"/{bucket}/t")


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [("http://h:4566", "h:4566"), ("http://h:80", "h"), ("https://h:443/", "h"), ("https://h", "h")],
)
def test_the_host_header_has_the_port_unless_it_is_the_schemes_own(endpoint: str, host: str) -> None:
    assert address("b", "r", endpoint).host == host


def test_an_endpoint_may_lie_in_a_folder() -> None:
    assert address("b", "r", "http://h/some/place/").path("t") == "/some/place/b/t"
