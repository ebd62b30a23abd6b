"""obstore reaches a bucket at the URL where boto3 reaches it."""

from datetime import timedelta

import obstore
import pytest

from vectord.storage.credentials import Credentials
from vectord.storage.s3.bucket import Bucket
from vectord.storage.s3.client import s3_client
from vectord.storage.s3.reader import make_client

BUCKETS = ["abc", "a-bucket-1", "with.dots", "x" * 63]
REGIONS = ["us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1"]
ENDPOINTS = [None, "http://127.0.0.1:4566", "https://s3.example:8443", "http://h/some/place"]
KEYS = ["_vectors/t.lhv1", "pre fix/ä+%41/t&=?#~.lhv1", "_vectors/.staging/0123"]
CREDENTIALS = Credentials("access", "secret", "token")


def obstore_url(bucket: Bucket, key: str) -> str:
    signed: str = obstore.sign(make_client(bucket, CREDENTIALS), "GET", key, timedelta(minutes=1))
    return signed.partition("?")[0]


def boto3_url(bucket: Bucket, key: str) -> str:
    params = {"Bucket": bucket.name, "Key": key}
    return s3_client(bucket).generate_presigned_url("get_object", Params=params).partition("?")[0]


# Each two values of different lists occur together.
PAIRS = [
    (region, name, ENDPOINTS[(at + place) % len(ENDPOINTS)])
    for at, region in enumerate(REGIONS)
    for place, name in enumerate(BUCKETS)
]


@pytest.mark.parametrize(("region", "name", "endpoint"), PAIRS)
def test_every_key_has_the_same_url_in_both_libraries(region: str, name: str, endpoint: str | None) -> None:
    bucket = Bucket(name, region, endpoint, CREDENTIALS)
    for key in KEYS:
        assert obstore_url(bucket, key) == boto3_url(bucket, key)


@pytest.mark.parametrize("name", ["a-bucket-1", "with.dots"])
def test_fips_endpoints_are_the_same_in_both_libraries(name: str) -> None:
    bucket = Bucket(name, "us-gov-west-1", credentials=CREDENTIALS, fips=True)
    assert obstore_url(bucket, "t") == boto3_url(bucket, "t")
    assert "s3-fips.us-gov-west-1" in obstore_url(bucket, "t")


def test_a_url_names_the_region_also_in_us_east_1() -> None:
    assert Bucket("b-1", "us-east-1").base_url == "https://b-1.s3.us-east-1.amazonaws.com"


@pytest.mark.parametrize("name", ["with.dots", "Upper", "under_score", "ab"])
def test_a_bucket_whose_name_cannot_be_part_of_a_host_name_is_in_the_path(name: str) -> None:
    bucket = Bucket(name, "eu-west-1")
    assert (bucket.addressing, bucket.base_url) == ("path", "https://s3.eu-west-1.amazonaws.com")


def test_a_secret_never_shows() -> None:
    assert "hidden" not in repr(Bucket("b", "r", credentials=Credentials("access", "hidden", "hidden")))
