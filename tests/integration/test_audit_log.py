"""The log line of each write says who did what to which index, to how many rows, between which ETags."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support import template
from tests.support.api import Answer, Api, an_event, load
from tests.support.logs import log_line, log_lines

ARN = "arn:aws:sts::123456789012:assumed-role/loader/session"
IAM = {
    "iam": {"accessKey": "AKIAEXAMPLE", "accountId": "123456789012", "userArn": ARN, "userId": "AROAEXAMPLE:session"}
}
JWT = {"jwt": {"claims": {"sub": "ada", "email": "ada@example.com", "rights": "write:t"}, "scopes": None}}
FIELDS = ("principal", "operation", "index", "rows", "outcome", "etag_before", "etag_after")
BATCH = {"vectors": [{"id": name, "vector": [1, 0.80078125], "metadata": {"secret": "hidden"}} for name in "abc"]}


class Caller:
    """Sends requests as one principal, and reads the log."""

    def __init__(self, api: Api, capsys: pytest.CaptureFixture[str]) -> None:
        self._api, self._capsys = api, capsys

    def send(
        self, route: str, body: Any = None, *, authorizer: Any = None, **more: Any
    ) -> tuple[Answer, dict[str, Any]]:
        """Send a request and return the answer and its log line."""
        log_lines(self._capsys)
        method, path = route.split()
        template_route, parameters = self._api._route(method, path)
        event = an_event(template_route, path, parameters, more.get("headers") or {}, more.get("query"))
        event["requestContext"]["authorizer"] = authorizer
        event |= {} if body is None else {"body": body if isinstance(body, str) else json.dumps(body)}
        answer = self._api.invoke(template_route, event)
        return answer, log_line(self._capsys)

    def audited(self, route: str, body: Any = None, **more: Any) -> tuple[Any, ...]:
        """Send a request and return FIELDS of its log line."""
        _, line = self.send(route, body, **more)
        return tuple(line[name] for name in FIELDS)


@pytest.fixture(params=["ephemeral", "on_s3_in_one_process"], ids=["ephemeral", "s3"])
def api(request: pytest.FixtureRequest) -> Api:
    """Deployments whose store keeps versions."""
    found = request.getfixturevalue(request.param)
    if request.param != "ephemeral":
        request.getfixturevalue("bucket").keep_versions()
    assert isinstance(found, Api)
    return found


@pytest.fixture
def caller(api: Api, capsys: pytest.CaptureFixture[str]) -> Caller:
    return Caller(api, capsys)


@pytest.fixture
def caller_in_memory(ephemeral: Api, capsys: pytest.CaptureFixture[str]) -> Caller:
    return Caller(ephemeral, capsys)


@pytest.mark.parametrize(
    ("authorizer", "principal"),
    [
        (IAM, ARN),
        (JWT, "ada"),
        (None, "anonymous"),
        ({}, "anonymous"),
        ({"jwt": {"claims": {"email": "x"}}}, "unknown"),
        ({"iam": {"accountId": "123456789012", "userArn": None}}, "unknown"),
        ({"jwt": {"claims": {"sub": ["a"]}}}, "unknown"),
        ({"jwt": {"claims": None}, "iam": None}, "unknown"),
    ],
)
def test_a_write_names_its_principal(caller_in_memory: Caller, authorizer: Any, principal: str) -> None:
    assert caller_in_memory.audited("PUT /indexes/t", {"dimension": 2}, authorizer=authorizer)[0] == principal


def test_the_writes_of_an_index_are_a_chain_of_etags(caller: Caller) -> None:
    created, line = caller.send("POST /indexes", {"name": "t", "dimension": 2})
    etag = created.etag
    assert [line[name] for name in FIELDS] == ["anonymous", "create-index", "t", 0, "committed", None, etag]
    for route, body, operation, rows in [
        ("POST /indexes/t/vectors", BATCH, "add-vectors", 3),
        ("PATCH /indexes/t/vectors", {"ids": ["a", "b"], "metadata": {"x": 1}}, "change-metadata", 2),
        ("DELETE /indexes/t/vectors/a", None, "delete-vector", 1),
        ("POST /indexes/t/vectors/delete", {"filter": {"x": 1}}, "delete-vectors", 1),
        ("POST /indexes/t/restore", {"as_of": created.etag}, "restore-version", 0),
    ]:
        answer, line = caller.send(route, body)
        assert answer.status == 200, answer.text
        assert [line[name] for name in FIELDS] == ["anonymous", operation, "t", rows, "committed", etag, answer.etag]
        etag = answer.etag
    line = caller.send("DELETE /indexes/t")[1]
    assert [line[name] for name in FIELDS] == ["anonymous", "delete-index", "t", None, "committed", etag, None]


def test_a_copy_names_the_index_that_it_creates(caller: Caller) -> None:
    caller.send("PUT /indexes/t", {"dimension": 2})
    caller.send("POST /indexes/t/vectors", BATCH)
    answer, line = caller.send("POST /indexes/t/copy", {"to": "u"}, authorizer=IAM)
    assert [line[name] for name in FIELDS] == [ARN, "copy-index", "t", 3, "committed", None, answer.etag]
    assert line["target"] == "u"
    _, line = caller.send("POST /indexes/t/copy", {"to": "u"})
    assert (line["outcome"], line["index"], line["target"]) == ("index-exists", "t", "u")


def test_a_write_that_changes_nothing_is_unchanged(caller: Caller) -> None:
    caller.send("PUT /indexes/t", {"dimension": 2})
    headers = {"idempotency-key": "k"}
    etag = caller.send("POST /indexes/t/vectors", BATCH, headers=headers)[0].etag
    for route, body, more, rows in [
        ("POST /indexes/t/vectors/delete", {"ids": ["absent"]}, {}, 0),
        ("POST /indexes/t/vectors/delete", {"ids": ["a"], "dry_run": True}, {}, 0),
        ("POST /indexes/t/vectors", BATCH, {"headers": headers}, 3),
    ]:
        assert caller.audited(route, body, **more)[3:] == (rows, "unchanged", etag, etag), (route, body)


@pytest.mark.parametrize(
    ("route", "body", "more", "outcome"),
    [
        ("POST /indexes/absent/vectors", BATCH, {}, "index-not-found"),
        ("POST /indexes/t/vectors", "{", {}, "malformed-json"),
        ("POST /indexes/t/vectors", {"vectors": [{"id": "a", "vector": [1]}]}, {}, "batch-invalid"),
        ("POST /indexes/t/vectors", BATCH, {"headers": {"if-match": '"x"'}}, "precondition-failed"),
        ("DELETE /indexes/t/vectors/absent", None, {}, "vector-not-found"),
        ("DELETE /indexes/t", None, {"headers": {"if-match": '"x"'}}, "precondition-failed"),
        ("POST /indexes", {"name": "t", "dimension": 2}, {}, "index-exists"),
        ("PUT /indexes/t", {"dimension": 2}, {}, "index-exists"),
    ],
)
def test_a_failed_write_names_its_outcome(
    caller_in_memory: Caller, route: str, body: Any, more: Mapping[str, Any], outcome: str
) -> None:
    caller_in_memory.send("PUT /indexes/t", {"dimension": 2})
    found = caller_in_memory.audited(route, body, authorizer=JWT, **more)
    assert found[0] == "ada"
    assert found[2] == ("absent" if "absent/" in route else "t")
    assert found[3:] == (None, outcome, None, None)


def test_a_denied_write_is_logged(
    bucket: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VECTORD_ACCESS_CLAIM", "rights")
    caller = Caller(Api(one_process=True), capsys)
    for route, body, index in [
        ("DELETE /indexes/t", None, "t"),
        ("POST /indexes/other/vectors", BATCH, "other"),
        ("POST /indexes", {"name": "new", "dimension": 2}, "new"),
    ]:
        found = caller.audited(route, body, authorizer=JWT)
        assert (found[0], *found[2:]) == ("ada", index, None, "access-denied", None, None)


def test_an_upload_link_is_logged_with_a_hash_of_its_key(
    bucket: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VECTORD_INBOX", "inbox")
    caller = Caller(Api(one_process=True), capsys)
    caller.send("PUT /indexes/t", {"dimension": 2})
    body = {"file": "private.jsonl", "bytes": 1}
    answer, line = caller.send("POST /indexes/t/uploads", body, authorizer=IAM)
    assert [line[name] for name in FIELDS] == [ARN, "upload-link", "t", None, "issued", None, None]
    assert line["file"] == hashlib.sha256(answer.json["key"].encode()).hexdigest()[:16]
    assert "private" not in json.dumps(line)


def test_the_writes_of_a_sharded_index_name_the_etags_of_each_shard(caller: Caller) -> None:
    _, line = caller.send("PUT /indexes/t", {"dimension": 2, "shards": 3})
    assert (line["operation"], line["rows"], line["outcome"], line["etag_before"]) == (
        "create-index",
        0,
        "committed",
        None,
    )
    assert "shards" not in line
    present: dict[str, str] = {}
    for route, body, rows in [
        ("POST /indexes/t/vectors", {"vectors": [{"id": str(i), "vector": [1, i]} for i in range(20)]}, 20),
        ("PATCH /indexes/t/vectors", {"filter": {}, "metadata": 1}, 20),
        ("DELETE /indexes/t/vectors/7", None, 1),
    ]:
        _, line = caller.send(route, body, authorizer=IAM)
        assert [line[name] for name in FIELDS[2:]] == ["t", rows, "committed", None, None]
        for shard, (before, after) in line["shards"].items():
            assert present.get(shard, before) == before
            present[shard] = after
    assert present.keys() == {"0", "1", "2"}
    described = caller.send("GET /indexes/t")[0].json
    assert [one["etag"] for one in described["shards"]] == [present[shard] for shard in sorted(present)]
    assert caller.send("DELETE /indexes/t")[1]["outcome"] == "committed"


@pytest.mark.slow
def test_a_read_has_no_audit_fields(caller: Caller) -> None:
    caller.send("PUT /indexes/t", {"dimension": 2})
    _, line = caller.send("POST /indexes/t/search", {"vector": [1, 0]}, authorizer=IAM)
    assert not {"principal", "operation", "rows", "outcome", "etag_before", "etag_after"} & line.keys()


def test_no_line_has_vectors_metadata_or_credentials(caller: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        caller.send("PUT /indexes/t", {"dimension": 2}, authorizer=IAM)[1],
        caller.send("POST /indexes/t/vectors", BATCH, authorizer=IAM, headers={"authorization": "AWS4 secret"})[1],
        caller.send("PATCH /indexes/t/vectors", {"ids": ["a"], "metadata": {"k": "hidden"}}, authorizer=JWT)[1],
    ]
    written = json.dumps(lines)
    for secret in ("hidden", "0.80078125", "AKIA", "AWS4", "example.com", "write:t"):
        assert secret not in written


def writes() -> Iterator[tuple[str, Any]]:
    for route, folder in template.routes().items():
        yield route, load(folder).ROUTES[route]


def test_every_route_that_changes_an_index_names_its_operation() -> None:
    """A read may be a POST; these are the routes without a name, and all of them read."""
    reads = {route for route, declared in writes() if declared.operation is None}
    assert all(declared.right in {None, "read"} for route, declared in writes() if route in reads)
    posts = {route for route in reads if not route.startswith(("GET ", "OPTIONS ", "$"))}
    native = {"search", "recall", "warm", "get", "count", "facets"}
    of_buckets = {"GetVectorBucket", "ListVectorBuckets", "GetVectorBucketPolicy", "GetIndex", "ListIndexes"}
    of_vectors = {"GetVectors", "ListVectors", "QueryVectors"}
    assert {route.rsplit("/", 1)[1] for route in posts} <= native | of_buckets | of_vectors
