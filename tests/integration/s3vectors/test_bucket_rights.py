"""A token's claim decides about vector buckets, too: operations on a bucket need a right on every index of it."""

import json
from typing import Any

import pytest

from tests.support.api import Answer, Api, an_event
from tests.support.logs import log_line, log_lines
from tests.support.s3vectors import ARN_PREFIX

BUCKET, INDEX = f"{ARN_PREFIX}:bucket/films", f"{ARN_PREFIX}:bucket/films/index/all"
OF_BUCKET, OF_INDEX = {"vectorBucketName": "films"}, {"vectorBucketName": "films", "indexName": "all"}
NEW = {**OF_INDEX, "dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}
POLICY = {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "*", "Resource": "*"}
# The right of each operation on a bucket and on an index, and a valid body.
OPERATIONS: dict[str, tuple[str, Any]] = {
    "CreateVectorBucket": ("admin:films_*", OF_BUCKET),
    "GetVectorBucket": ("read:films_*", OF_BUCKET),
    "ListIndexes": ("read:films_*", OF_BUCKET),
    "PutVectorBucketPolicy": ("admin:films_*", {**OF_BUCKET, "policy": json.dumps({"Statement": [POLICY]})}),
    "GetVectorBucketPolicy": ("read:films_*", OF_BUCKET),
    "DeleteVectorBucketPolicy": ("admin:films_*", OF_BUCKET),
    "PutVectorBucketDefaultIndexMode": ("admin:films_*", {**OF_BUCKET, "defaultIndexMode": "CLASSIC"}),
    "CreateIndex": ("admin:films_all", NEW),
    "GetIndex": ("read:films_all", OF_INDEX),
    "UpdateIndexMode": ("admin:films_all", {**OF_INDEX, "indexMode": "CLASSIC"}),
    "DeleteIndex": ("admin:films_all", OF_INDEX),
    "DeleteVectorBucket": ("admin:films_*", OF_BUCKET),
}
TAGS = {
    ("GET", BUCKET): "read:films_*",
    ("POST", BUCKET): "admin:films_*",
    ("DELETE", BUCKET): "admin:films_*",
    ("GET", INDEX): "read:films_all",
    ("POST", INDEX): "admin:films_all",
    ("DELETE", INDEX): "admin:films_all",
}


class Guarded:
    """A deployment whose tokens hold their rights in the claim `rights`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VECTORD_ACCESS_CLAIM", "rights")
        monkeypatch.delenv("VECTORD_STORE", raising=False)
        self.api = Api(one_process=True)

    def send(self, claim: str, operation: str, body: Any) -> Answer:
        route = f"POST /{operation}"
        return self._send(claim, an_event(route, f"/{operation}", {}, {}, None) | {"body": json.dumps(body)})

    def tags(self, claim: str, method: str, arn: str) -> Answer:
        route, query = f"{method} /tags/{{resourceArn+}}", {"tagKeys": "a"} if method == "DELETE" else None
        event = an_event(route, f"/tags/{arn}", {"resourceArn": arn}, {}, query)
        return self._send(claim, event | ({"body": '{"tags":{"a":"b"}}'} if method == "POST" else {}))

    def _send(self, claim: str, event: dict[str, Any]) -> Answer:
        event["requestContext"]["authorizer"] = {"jwt": {"claims": {"rights": claim, "sub": "ada"}}}
        return self.api.invoke(event["routeKey"], event)

    def buckets(self, claim: str, **more: Any) -> list[str]:
        """Follow the listing of vector buckets to its end."""
        found: list[str] = []
        token = None
        while True:
            body = {**more, **({"nextToken": token} if token else {})}
            page = self.send(claim, "ListVectorBuckets", body).json
            found += [one["vectorBucketName"] for one in page["vectorBuckets"]]
            token = page.get("nextToken")
            if token is None:
                return found


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Guarded:
    return Guarded(monkeypatch)


def too_little(right: str) -> list[str]:
    """Return rights that are not enough: the next lower one, and one on other indexes."""
    level, name = right.split(":")
    lower = {"admin": "write", "read": ""}[level]
    return [
        *([f"{lower}:{name}"] if lower else []),
        f"{level}:films_al",
        f"{level}:film_*",
        f"{level}:books_*",
        f"{level}:films-2_*",
        *([f"{level}:films_a*"] if name.endswith("*") else []),
    ]


def test_each_operation_needs_its_right(guarded: Guarded) -> None:
    for operation, (right, body) in OPERATIONS.items():
        for claim in ["", *too_little(right)]:
            answer = guarded.send(claim, operation, body)
            assert (answer.status, answer.json["__type"]) == (403, "AccessDeniedException"), (operation, claim)
        assert guarded.send(right, operation, body).status == 200, operation


@pytest.mark.parametrize(("request_", "right"), TAGS.items())
def test_each_operation_on_tags_needs_its_right(guarded: Guarded, request_: tuple[str, str], right: str) -> None:
    guarded.send("admin:*", "CreateVectorBucket", OF_BUCKET)
    guarded.send("admin:*", "CreateIndex", NEW)
    for claim in ["", *too_little(right)]:
        assert guarded.tags(claim, *request_).status == 403, claim
    assert guarded.tags(right, *request_).status == 200


def test_a_missing_bucket_is_not_revealed(guarded: Guarded) -> None:
    assert guarded.send("admin:books_*", "GetVectorBucket", OF_BUCKET).status == 403
    assert guarded.send("admin:films_*", "GetVectorBucket", OF_BUCKET).status == 404


@pytest.mark.parametrize(
    ("claim", "names"),
    [
        ("read:*", ["books", "films", "films-2", "songs"]),
        ("read:films*", ["films", "films-2"]),
        ("read:films_*", ["films"]),
        ("write:films_* read:so*", ["films", "songs"]),
        ("read:films_all", []),
        ("read:films_a*", []),
        ("read:films", []),
        ("", []),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 500])
def test_a_listing_shows_the_buckets_of_which_every_index_may_be_read(
    guarded: Guarded, claim: str, names: list[str], size: int
) -> None:
    for name in ("songs", "films-2", "films", "books"):
        guarded.send("admin:*", "CreateVectorBucket", {"vectorBucketName": name})
    assert guarded.buckets(claim, maxResults=size) == names
    assert guarded.buckets(claim, maxResults=size, prefix="fi") == [name for name in names if name.startswith("fi")]


MODE = {**OF_BUCKET, "defaultIndexMode": "ENHANCED"}
AUDITED = [
    ("CreateVectorBucket", OF_BUCKET, "create-vector-bucket", "films", "committed"),
    ("PutVectorBucketDefaultIndexMode", MODE, "put-default-index-mode", "films", "unchanged"),
    ("CreateIndex", NEW, "create-index", "films_all", "committed"),
    ("UpdateIndexMode", {**OF_INDEX, "indexMode": "CLASSIC"}, "update-index-mode", "films_all", "committed"),
    ("DeleteIndex", OF_INDEX, "delete-index", "films_all", "committed"),
    ("DeleteVectorBucket", OF_BUCKET, "delete-vector-bucket", "films", "committed"),
]


def test_each_write_has_a_line_in_the_audit_log(guarded: Guarded, capsys: pytest.CaptureFixture[str]) -> None:
    etags: dict[str, str | None] = {"films": None, "films_all": None}
    for operation, body, name, index, outcome in AUDITED:
        log_lines(capsys)
        assert guarded.send("admin:*", operation, body).status == 200
        line = log_line(capsys)
        assert (line["principal"], line["operation"], line["index"], line["outcome"]) == ("ada", name, index, outcome)
        assert "target" not in line
        if outcome == "committed":
            assert line["etag_before"] == etags[index]
            etags[index] = line["etag_after"]
            assert (line["etag_after"] is None) == operation.startswith("Delete")


def test_a_write_that_fails_has_a_line_with_its_name(guarded: Guarded, capsys: pytest.CaptureFixture[str]) -> None:
    for operation, body, *expected in (
        ("DeleteVectorBucket", OF_BUCKET, "films", "vector-bucket"),
        ("CreateIndex", NEW, "films_all", "vector-bucket"),
        ("DeleteIndex", OF_INDEX, "films_all", "index-not-found"),
    ):
        log_lines(capsys)
        assert guarded.send("admin:*", operation, body).status == 404
        line = log_line(capsys)
        assert [line["index"], line["outcome"], line["etag_after"]] == [*expected, None]
