"""`aws s3vectors` of the AWS command line, with its options for pages."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.clients import rows

CLIENT = "awscli"
AWS = Path(sys.executable).with_name("aws")
FAILED = 255


class CommandLine:
    """Runs `aws s3vectors` in an environment."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def run(self, operation: str, *options: str) -> subprocess.CompletedProcess[str]:
        command = [str(AWS), "s3vectors", operation, "--output", "json", *options]
        return subprocess.run(command, env=self._variables, capture_output=True, text=True, check=False)

    def __call__(self, operation: str, *options: str) -> Any:
        done = self.run(operation, *options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None


@pytest.fixture(scope="session")
def aws(variables: Mapping[str, str]) -> CommandLine:
    return CommandLine(variables)


def keys(answer: Any) -> list[str]:
    return [vector["key"] for vector in answer["vectors"]]


def test_vectors_of_a_file_are_put_found_and_deleted(aws: CommandLine, bucket: str, tmp_path: Path) -> None:
    target = ["--vector-bucket-name", bucket, "--index-name", "films"]
    aws("create-index", *target, *["--data-type", "float32", "--dimension", "2", "--distance-metric", "cosine"])
    file = tmp_path / "vectors.json"
    years = {"alien": 1979, "heat": 1995}
    file.write_text(
        json.dumps(
            [{"key": key, "data": {"float32": [1, year]}, "metadata": {"year": year}} for key, year in years.items()]
        )
    )
    aws("put-vectors", *target, "--vectors", f"file://{file}")
    query = ["--top-k", "5", "--query-vector", '{"float32": [1, 1979]}', "--return-metadata", "--return-distance"]
    found = aws("query-vectors", *target, *query, "--filter", '{"year": {"$lt": 1990}}')
    [vector] = found["vectors"]
    assert (vector["key"], vector["metadata"], found["distanceMetric"]) == ("alien", {"year": 1979}, "cosine")
    assert vector["distance"] == pytest.approx(0, abs=1e-6)
    aws("delete-vectors", *target, "--keys", "alien", "no such key")
    assert keys(aws("get-vectors", *target, "--keys", "alien", "heat")) == ["heat"]
    aws("delete-index", *target)


def test_a_list_follows_pages_to_the_end_and_resumes_where_it_was_cut(
    aws: CommandLine, filled: tuple[str, str]
) -> None:
    target = ["--vector-bucket-name", filled[0], "--index-name", filled[1]]
    assert sorted(keys(aws("list-vectors", *target))) == rows.KEYS
    found, token = [], []
    while True:
        page = aws("list-vectors", *target, "--page-size", "450", "--max-items", "1200", *token)
        found += keys(page)
        if "NextToken" not in page:
            break
        token = ["--starting-token", page["NextToken"]]
    assert sorted(found) == rows.KEYS


def test_a_query_follows_pages_in_the_order_of_the_distance(aws: CommandLine, filled: tuple[str, str]) -> None:
    target = ["--vector-bucket-name", filled[0], "--index-name", filled[1]]
    query = ["--query-vector", json.dumps({"float32": rows.ORIGIN}), "--top-k", str(rows.COUNT), "--return-metadata"]
    assert keys(aws("query-vectors", *target, *query)) == rows.KEYS
    first = aws("query-vectors", *target, *query, "--no-paginate")
    assert keys(first) == rows.KEYS[: len(first["vectors"])]
    assert "nextToken" in first, "7.5 MB of metadata do not fit into one answer"


@pytest.mark.parametrize(
    ("operation", "options", "code"),
    [
        ("get-index", ["--index-name", "missing"], "NotFoundException"),
        ("create-vector-bucket", [], "ConflictException"),
        (
            "create-index",
            ["--index-name", "index", "--data-type", "float32", "--dimension", "4097", "--distance-metric", "cosine"],
            "ValidationException",
        ),
    ],
)
def test_an_error_names_its_code_and_ends_the_command(
    aws: CommandLine, bucket: str, operation: str, options: list[str], code: str
) -> None:
    done = aws.run(operation, "--vector-bucket-name", bucket, *options)
    assert done.returncode == FAILED, done
    assert f"An error occurred ({code})" in done.stderr


def test_tags_are_listed_by_the_arn_in_the_path(aws: CommandLine, bucket: str) -> None:
    [found] = [
        one["vectorBucketArn"]
        for one in aws("list-vector-buckets")["vectorBuckets"]
        if one["vectorBucketName"] == bucket
    ]
    aws("tag-resource", "--resource-arn", found, "--tags", '{"team": "a", "cost centre": "7"}')
    aws("untag-resource", "--resource-arn", found, "--tag-keys", "team")
    assert aws("list-tags-for-resource", "--resource-arn", found) == {"tags": {"cost centre": "7"}}
