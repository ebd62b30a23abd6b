"""Every line of the log names the vector bucket or the index, also of reads and of requests that fail."""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.backends import S3Backend
from tests.support.logs import log_line, log_lines
from tests.support.s3vectors import ARN_PREFIX

FILMS, PLOTS = {"vectorBucketName": "films"}, {"vectorBucketName": "films", "indexName": "plots"}
VECTOR = {"float32": [1, 0]}
NEW = {**PLOTS, "dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}


@pytest.fixture
def index(ephemeral: Api) -> Api:
    ephemeral.send("POST", "/CreateVectorBucket", FILMS)
    assert ephemeral.send("POST", "/CreateIndex", NEW).status == 200
    return ephemeral


@pytest.mark.parametrize(
    ("operation", "body", "expected"),
    [
        ("GetVectorBucket", FILMS, (200, "films")),
        ("ListIndexes", {"vectorBucketArn": f"{ARN_PREFIX}:bucket/films"}, (200, "films")),
        ("GetVectorBucketPolicy", FILMS, (404, "films")),
        ("GetIndex", {"indexArn": f"{ARN_PREFIX}:bucket/films/index/plots"}, (200, "films_plots")),
        ("GetVectors", {**PLOTS, "keys": ["a"]}, (200, "films_plots")),
        ("ListVectors", PLOTS, (200, "films_plots")),
        ("QueryVectors", {**PLOTS, "topK": 1, "queryVector": VECTOR}, (200, "films_plots")),
        ("QueryVectors", {**PLOTS, "indexName": "missing", "topK": 1, "queryVector": VECTOR}, (404, "films_missing")),
        ("ListVectorBuckets", {}, (200, None)),
    ],
)
def test_a_line_of_a_read_names_what_was_read(
    index: Api, capsys: pytest.CaptureFixture[str], operation: str, body: Any, expected: tuple[int, str | None]
) -> None:
    log_lines(capsys)
    index.send("POST", f"/{operation}", body)
    line = log_line(capsys)
    assert (line["status"], line["index"], line["route"]) == (*expected, f"POST /{operation}")
    assert "operation" not in line


NOT_CONFIGURED = {"textSearchConfigurations": [{"metadataKey": "nothing"}]}


@pytest.mark.parametrize(
    ("operation", "body", "written"),
    [
        ("PutVectors", {**PLOTS, "vectors": [{"key": "a", "data": {"float32": [1]}}]}, "add-vectors"),
        ("CreateIndex", NEW, "create-index"),
        ("UpdateMetadataConfiguration", {**PLOTS, "delete": NOT_CONFIGURED}, "update-metadata"),
        ("DeleteVectors", {**PLOTS, "indexName": "missing", "keys": ["a"]}, "delete-vectors"),
    ],
)
def test_a_line_of_a_write_that_fails_names_its_index(
    index: Api, capsys: pytest.CaptureFixture[str], operation: str, body: Any, written: str
) -> None:
    log_lines(capsys)
    assert index.send("POST", f"/{operation}", body).status >= 400
    line = log_line(capsys)
    assert (line["index"], line["operation"]) == (f"films_{body['indexName']}", written)
    assert (line["rows"], line["etag_after"]) == (None, None)
    assert "target" not in line


def test_a_bucket_that_cannot_be_read_is_a_failure_of_the_service(
    on_s3_in_one_process: Api, bucket: S3Backend, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket.write(f"{bucket.prefix}/.s3vectors/films.json", b'{"id": 1')
    log_lines(capsys)
    answer = on_s3_in_one_process.send("POST", "/GetVectorBucket", FILMS)
    assert (answer.status, answer.json["__type"]) == (500, "InternalServerException")
    failure, line = log_lines(capsys)
    assert (failure["level"], failure["error"], line["index"], line["Failures"]) == (
        "error",
        "BucketUnreadable",
        "films",
        1,
    )
