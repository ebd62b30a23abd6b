"""Names and ARNs of vector buckets and indexes: which are accepted, and what they name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectord.edge.s3vectors.faults import OtherAccount
from vectord.edge.s3vectors.management_shapes import GetIndexInput, GetVectorBucketInput
from vectord.edge.s3vectors.names import Arns, IndexName, Resource
from vectord.errors import RequestInvalid

ARNS = Arns("arn:aws:s3vectors:eu-west-1:123456789012")
BUCKET = "arn:aws:s3vectors:eu-west-1:123456789012:bucket/media"
INDEX = f"{BUCKET}/index/films"
NAMES = st.from_regex(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", fullmatch=True)

BAD_NAMES = [
    *("", "ab", "a" * 64, "Media", "me_dia", "-media", "media-", ".media", "media.", "me dia", "media\n"),
    *("m\u00e9dia", "\u0663" * 3),
]
BAD_ARNS = [
    *("", "media", "arn", "arn:aws:s3vectors", "arn:aws:s3vectors:eu-west-1:123456789012", f"{BUCKET}/", f"{BUCKET}\n"),
    *(
        f"{BUCKET}/index",
        f"{BUCKET}/index/",
        f"{INDEX}/",
        f"{INDEX}/x",
        f" {BUCKET}",
        BUCKET.upper(),
        f"{BUCKET}//index/films",
    ),
    *(BUCKET.replace("s3vectors", "s3"), BUCKET.replace("arn:", "urn:"), BUCKET.replace("bucket", "buckets")),
    *(BUCKET.replace("eu-west-1", "us-east-1"), BUCKET.replace("arn:aws", "arn:aws-cn"), f"{BUCKET}:bucket/other"),
]


@given(NAMES, NAMES)
def test_an_arn_names_what_it_was_made_of(bucket: str, index: str) -> None:
    name = IndexName(bucket, index)
    assert ARNS.resource(ARNS.bucket(bucket)) == Resource(bucket)
    assert ARNS.resource(ARNS.index(name)) == Resource(bucket, index)
    assert ARNS.index_name(GetIndexInput(index_arn=ARNS.index(name))) == name
    assert ARNS.index_name(GetIndexInput(vector_bucket_name=bucket, index_name=index)) == name
    assert ARNS.bucket_name(GetVectorBucketInput(vector_bucket_arn=ARNS.bucket(bucket))) == bucket


@given(NAMES, NAMES, NAMES, NAMES)
def test_two_indexes_never_have_the_same_native_name(one: str, two: str, three: str, four: str) -> None:
    first, second = IndexName(one, two), IndexName(three, four)
    assert (first.native == second.native) == (first == second)


@pytest.mark.parametrize("arn", BAD_ARNS)
def test_another_arn_is_refused(arn: str) -> None:
    with pytest.raises(RequestInvalid):
        ARNS.resource(arn)


@pytest.mark.parametrize("account", ["123456789013", "", "12345678901", "1234567890123", "abcdefghijkl", "\uff11" * 12])
def test_an_arn_of_another_account_is_denied(account: str) -> None:
    with pytest.raises(OtherAccount, match="123456789012"):
        ARNS.resource(f"arn:aws:s3vectors:eu-west-1:{account}:bucket/media")


@pytest.mark.parametrize("name", BAD_NAMES)
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(RequestInvalid, match="Invalid vector bucket name"):
        ARNS.bucket_name(GetVectorBucketInput(vector_bucket_name=name))
    with pytest.raises(RequestInvalid, match="Invalid index name"):
        ARNS.index_name(GetIndexInput(vector_bucket_name="media", index_name=name))
    with pytest.raises(RequestInvalid):
        ARNS.resource(f"arn:aws:s3vectors:eu-west-1:123456789012:bucket/{name}")


@pytest.mark.parametrize(
    "named",
    [
        GetIndexInput(),
        GetIndexInput(vector_bucket_name="media"),
        GetIndexInput(index_name="films"),
        GetIndexInput(vector_bucket_name="media", index_arn=INDEX),
        GetIndexInput(index_name="films", index_arn=INDEX),
        GetIndexInput(vector_bucket_name="media", index_name="films", index_arn=INDEX),
    ],
)
def test_an_index_is_named_either_by_its_arn_or_by_both_names(named: GetIndexInput) -> None:
    with pytest.raises(RequestInvalid, match=r"^Must specify either indexArn or both vectorBucketName and indexName$"):
        ARNS.index_name(named)


@pytest.mark.parametrize(
    "named", [GetVectorBucketInput(), GetVectorBucketInput(vector_bucket_name="media", vector_bucket_arn=BUCKET)]
)
def test_a_bucket_is_named_either_by_its_arn_or_by_its_name(named: GetVectorBucketInput) -> None:
    with pytest.raises(RequestInvalid, match=r"^Must specify either vectorBucketName or vectorBucketArn but not both$"):
        ARNS.bucket_name(named)


def test_the_arn_of_one_kind_of_resource_is_not_one_of_the_other() -> None:
    with pytest.raises(RequestInvalid, match="not of a vector bucket"):
        ARNS.bucket_name(GetVectorBucketInput(vector_bucket_arn=INDEX))
    with pytest.raises(RequestInvalid, match="not of an index"):
        ARNS.index_name(GetIndexInput(index_arn=BUCKET))
