"""Tags of vector buckets and indexes through boto3, with the limits of S3 Vectors."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.api import Api
from tests.support.s3vectors import ACCOUNT, ARN_PREFIX, client

BUCKET = f"{ARN_PREFIX}:bucket/films"
INDEX = f"{BUCKET}/index/all"


@pytest.fixture
def s3vectors(api: Api) -> Any:
    """A client without the checks of botocore, of a deployment with a vector bucket and an index."""
    made = client(api, parameter_validation=False)
    made.create_vector_bucket(vectorBucketName="films", tags={"made": "here"})
    made.create_index(
        vectorBucketName="films",
        indexName="all",
        dataType="float32",
        dimension=2,
        distanceMetric="cosine",
        tags={"made": "here"},
    )
    return made


def tags(s3vectors: Any, arn: str) -> Mapping[str, str]:
    found: Mapping[str, str] = s3vectors.list_tags_for_resource(resourceArn=arn)["tags"]
    return found


def error(call: Callable[[], Any]) -> tuple[str, str]:
    """Return code and message of the error that a call gets."""
    with pytest.raises(ClientError) as raised:
        call()
    return raised.value.response["Error"]["Code"], raised.value.response["Error"]["Message"]


@pytest.mark.parametrize("arn", [BUCKET, INDEX])
class TestTags:
    def test_are_those_of_the_creation(self, s3vectors: Any, arn: str) -> None:
        assert tags(s3vectors, arn) == {"made": "here"}

    def test_are_added_and_replaced(self, s3vectors: Any, arn: str) -> None:
        s3vectors.tag_resource(resourceArn=arn, tags={"made": "there", "team": ""})
        assert tags(s3vectors, arn) == {"made": "there", "team": ""}

    def test_are_removed_by_their_keys(self, s3vectors: Any, arn: str) -> None:
        s3vectors.tag_resource(resourceArn=arn, tags={"a b": "1", "c=d": "2", "é": "3"})
        s3vectors.untag_resource(resourceArn=arn, tagKeys=["made", "a b", "c=d", "none"])
        assert tags(s3vectors, arn) == {"é": "3"}

    def test_have_letters_numbers_separators_and_some_signs(self, s3vectors: Any, arn: str) -> None:
        valid = {"漢字 \u2003é_.:/=+-@": "ß Ⅷ ² @", "k" * 128: "v" * 256, "\U00020000" * 128: "\U00020000" * 256}
        s3vectors.tag_resource(resourceArn=arn, tags=valid)
        assert tags(s3vectors, arn) == {"made": "here", **valid}
        s3vectors.untag_resource(resourceArn=arn, tagKeys=list(valid))
        assert tags(s3vectors, arn) == {"made": "here"}

    @pytest.mark.parametrize(
        ("changed", "part"),
        [
            ({"": "v"}, "at '/tags' failed to satisfy constraint: Member must have length between 1 and 128"),
            ({"k" * 129: "v"}, "at '/tags' failed to satisfy constraint: Member must have length between 1 and 128"),
            ({"k": "v" * 257}, "at '/tags/k' failed to satisfy constraint: Member must have length between 0 and 256"),
            ({"a,b": "v"}, "Value at '/tags' failed to satisfy constraint: Member must satisfy regular expression"),
            ({"k": "a;b"}, "Value at '/tags/k' failed to satisfy constraint: Member must satisfy regular expression"),
            ({"k": "line\nbreak"}, "regular expression"),
            ({"e\u0301": "a combining accent"}, "regular expression"),
            ({"\U0001f600": "v"}, "regular expression"),
            ({"aws:owner": "v"}, "aws:"),
            ({"AWS:owner": "v"}, "aws:"),
            ({"k": None}, "tags"),
            ({"k": 1}, "tags"),
            (None, "tags"),
        ],
    )
    def test_out_of_range_are_refused(self, s3vectors: Any, arn: str, changed: Any, part: str) -> None:
        code, message = error(lambda: s3vectors.tag_resource(resourceArn=arn, tags=changed))
        assert code == "ValidationException"
        assert part in message
        assert tags(s3vectors, arn) == {"made": "here"}

    def test_are_at_most_fifty(self, s3vectors: Any, arn: str) -> None:
        s3vectors.tag_resource(resourceArn=arn, tags={f"k{number}": "" for number in range(49)})
        assert len(tags(s3vectors, arn)) == 50
        code, message = error(lambda: s3vectors.tag_resource(resourceArn=arn, tags={"one more": ""}))
        assert (code, message) == (
            "ValidationException",
            "A resource can have at most 50 tags, and would have 51",
        )
        s3vectors.tag_resource(resourceArn=arn, tags={"k1": "replaced"})
        assert tags(s3vectors, arn)["k1"] == "replaced"

    @pytest.mark.parametrize(
        ("keys", "part"),
        [([], "null"), (["k" * 129], "/tagKeys/0"), (["a", "b;c"], "regular expression"), ([""], "tagKeys")],
    )
    def test_with_keys_out_of_range_are_not_removed(self, s3vectors: Any, arn: str, keys: Any, part: str) -> None:
        code, message = error(lambda: s3vectors.untag_resource(resourceArn=arn, tagKeys=keys))
        assert code == "ValidationException"
        assert part in message

    def test_of_a_deleted_resource_are_not_found(self, s3vectors: Any, arn: str) -> None:
        s3vectors.delete_index(vectorBucketName="films", indexName="all")
        s3vectors.delete_vector_bucket(vectorBucketName="films")
        for call in (
            lambda: s3vectors.list_tags_for_resource(resourceArn=arn),
            lambda: s3vectors.tag_resource(resourceArn=arn, tags={"k": "v"}),
            lambda: s3vectors.untag_resource(resourceArn=arn, tagKeys=["k"]),
        ):
            assert error(call)[0] == "NotFoundException"


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (f"arn:aws:s3vectors:us-east-1:{'1' * 12}:bucket/films", "AccessDeniedException"),
        (f"arn:aws:s3vectors:eu-west-1:{ACCOUNT}:bucket/films", "ValidationException"),
        (f"arn:aws-cn:s3vectors:us-east-1:{ACCOUNT}:bucket/films", "ValidationException"),
        (f"arn:aws:s3:us-east-1:{ACCOUNT}:bucket/films", "ValidationException"),
        (f"{ARN_PREFIX}:bucket/films/index", "ValidationException"),
        (f"{ARN_PREFIX}:bucket/films/index/a_b", "ValidationException"),
        (f"{ARN_PREFIX}:bucket/films/index/all/more", "ValidationException"),
        (f"{ARN_PREFIX}:bucket/", "ValidationException"),
        (f"{ARN_PREFIX}:bucket/films\n", "ValidationException"),
        ("films", "ValidationException"),
        ("%2e%2e", "ValidationException"),
    ],
)
def test_an_arn_of_another_resource_is_refused(s3vectors: Any, arn: str, code: str) -> None:
    for call in (
        lambda: s3vectors.list_tags_for_resource(resourceArn=arn),
        lambda: s3vectors.tag_resource(resourceArn=arn, tags={"k": "v"}),
        lambda: s3vectors.untag_resource(resourceArn=arn, tagKeys=["k"]),
    ):
        assert error(call)[0] == code


@pytest.mark.parametrize(("raw", "left"), [("tagKeys=a&tagKeys=b%20c", {}), ("tagKeys=a", {"b c": "2"})])
def test_tag_keys_are_read_as_api_gateway_passes_them(api: Api, s3vectors: Any, raw: str, left: Any) -> None:
    s3vectors.untag_resource(resourceArn=BUCKET, tagKeys=["made"])
    s3vectors.tag_resource(resourceArn=BUCKET, tags={"a": "1", "b c": "2"})
    joined = ",".join(part.partition("=")[2].replace("%20", " ") for part in raw.split("&"))
    event = {
        "routeKey": "DELETE /tags/{resourceArn+}",
        "pathParameters": {"resourceArn": BUCKET},
        "rawQueryString": raw,
        "queryStringParameters": {"tagKeys": joined},
        "requestContext": {"http": {"method": "DELETE"}},
    }
    assert api.invoke("DELETE /tags/{resourceArn+}", event).status == 200
    assert tags(s3vectors, BUCKET) == left


def test_a_comma_in_a_key_is_refused_and_removes_no_tag(api: Api, s3vectors: Any) -> None:
    s3vectors.tag_resource(resourceArn=BUCKET, tags={"a": "1", "b": "2"})
    event = {
        "routeKey": "DELETE /tags/{resourceArn+}",
        "pathParameters": {"resourceArn": BUCKET},
        "rawQueryString": "tagKeys=a%2Cb",
        "queryStringParameters": {"tagKeys": "a,b"},
        "requestContext": {"http": {"method": "DELETE"}},
    }
    assert api.invoke("DELETE /tags/{resourceArn+}", event).status == 400
    assert tags(s3vectors, BUCKET) == {"made": "here", "a": "1", "b": "2"}


def test_an_unknown_parameter_is_refused(api: Api, s3vectors: Any) -> None:
    answer = api.send("GET", f"/tags/{BUCKET}", query={"tagKeys": "a"})
    assert (answer.status, answer.json["__type"]) == (400, "ValidationException")
