"""Parts of tools.migrate alone: names, batches, the clients' signatures, and the workers' errors."""

import base64
import gzip
import json
import os
import re
import struct
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from tests.support.backends import CREDENTIALS
from tests.support.http_server import ScriptedServer, answers, scripted_server
from tests.support.pages import text_of
from tools.command.errors import MigrationFailed
from tools.migrate.__main__ import options
from tools.migrate.connect import Authorization, region_of, sender, session, vectors_client
from tools.migrate.rows import MAX_PACKED, MAX_PLAIN, Batch, Rows, Unreachable, encoded
from tools.migrate.source import Address, parse_address
from tools.migrate.workers import Workers

ASSETS = Path(__file__).parents[3] / "assets/botocore"


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)


@pytest.mark.parametrize(
    "text", ["films/plots", "arn:aws:s3vectors:us-east-1:123456789012:bucket/films/index/plots", "films/index/plots"]
)
def test_an_index_is_named_by_its_bucket_or_its_arn(text: str) -> None:
    assert parse_address(text) == Address("films", "plots")


@pytest.mark.parametrize(
    "text", ["", "films", "films/", "fi/plots", "films_plots", "films/plots/x", "arn:aws:s3:::films"]
)
def test_a_text_that_names_no_index_is_refused(text: str) -> None:
    with pytest.raises(MigrationFailed, match="write VECTOR-BUCKET/INDEX"):
        parse_address(text)


def test_a_batch_is_one_gzip_body_of_all_rows() -> None:
    batch = Batch()
    for number in range(3):
        batch.append(encoded({"key": f"é{number}", "data": {"float32": [0.1, number]}, "metadata": {"n": number}}))
    rows = json.loads(gzip.decompress(batch.body()))["vectors"]
    assert [(row["id"], row["metadata"]) for row in rows] == [(f"é{n}", {"n": n}) for n in range(3)]
    assert base64.b64decode(rows[2]["vector"]) == struct.pack("<2f", 0.1, 2)


def test_a_vector_without_metadata_replaces_stored_metadata() -> None:
    assert json.loads(encoded({"key": "a", "data": {"float32": [1]}}))["metadata"] == {}


def test_a_batch_of_data_that_does_not_shrink_is_full_before_lambda_refuses_it() -> None:
    batch = Batch()
    while not batch.full:
        batch.append(encoded({"key": os.urandom(16).hex(), "data": {"float32": list(os.urandom(4_096))}}))
    assert MAX_PACKED <= len(batch.body()) < 4_700_000


def test_a_batch_of_data_that_shrinks_is_full_before_vectord_refuses_it() -> None:
    batch = Batch()
    row = encoded({"key": "a", "data": {"float32": [0.0] * 4_096}, "metadata": {"text": "x" * 40_000}})
    while not batch.full:
        batch.append(row)
    assert MAX_PLAIN <= len(gzip.decompress(batch.body())) < 32 << 20


def test_a_request_is_given_up_after_some_attempts_with_growing_waits() -> None:
    waits: list[float] = []

    def send(*_: object) -> tuple[int, bytes]:
        raise Unreachable("connection refused")

    with pytest.raises(MigrationFailed, match="connection refused"):
        Rows(send, "films_plots", sleep=waits.append).count()
    assert len(waits) == 7
    assert max(waits) <= 20


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://a1b2c3d4e5.execute-api.eu-west-3.amazonaws.com/live", "eu-west-3"),
        ("https://a1b2c3d4e5.execute-api.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("https://vectors.example.com", None),
        ("http://127.0.0.1:4566/_aws/execute-api/x/$default", None),
    ],
)
def test_the_region_is_read_from_an_endpoint_of_api_gateway(url: str, region: str | None) -> None:
    assert region_of(url) == region


@pytest.fixture
def server() -> ScriptedServer:  # type: ignore[misc]
    with scripted_server() as found:
        found.answer = answers(200, b'{"count": 1}', **{"Content-Type": "application/json"})
        yield found


@pytest.mark.parametrize(
    ("authorization", "begins", "has"),
    [("iam", "AWS4-HMAC-SHA256", "/us-east-1/execute-api/"), ("jwt", "Bearer the-token", ""), ("none", "", "")],
)
def test_a_request_to_vectord_is_authorized_as_it_wants(
    server: ScriptedServer, authorization: Authorization, begins: str, has: str
) -> None:
    rows = Rows(
        sender(session(None, "us-east-1"), f"{server.endpoint}/live/", authorization, "the-token"), "films_plots"
    )
    assert rows.count() == 1
    assert server.requests == ["POST /live/indexes/films_plots/vectors/count"]
    sent = server.headers[0]["Authorization"] or ""
    assert sent.startswith(begins)
    assert has in sent


def test_the_source_is_signed_for_s3_vectors_whatever_files_are_installed(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", str(ASSETS))
    vectors_client(session(None, "us-east-1"), server.endpoint, "s3vectors").list_vector_buckets()
    assert "/us-east-1/s3vectors/aws4_request" in server.headers[0]["Authorization"]


def test_the_protocol_of_vectord_gets_a_token_in_place_of_a_signature(server: ScriptedServer) -> None:
    made = vectors_client(session(None, "us-east-1"), server.endpoint, "execute-api", token="the-token", unsigned=True)
    made.list_vector_buckets()
    assert server.headers[0]["Authorization"] == "Bearer the-token"


def test_the_page_lists_every_option_and_shows_a_command_that_is_valid() -> None:
    _, _, section = text_of("docs/s3vectors.md").partition("## Moving an index")
    [arguments] = re.findall(r'make migrate ARGS="(.*)"', section)
    found = options(arguments.split())
    named = {name.replace("-", "_") for name in re.findall(r"--([a-z][a-z-]+)", section)}
    assert named == vars(found).keys() - {"source"}


def fails(_: int, __: Event) -> None:
    raise MigrationFailed("no")


def is_wrong(_: int, __: Event) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(("work", "error"), [(fails, MigrationFailed), (is_wrong, RuntimeError)])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_of_a_worker_is_never_taken_for_success(
    work: Callable[[int, Event], None], error: type[Exception]
) -> None:
    with pytest.raises(error), Workers(work, range(3)) as workers:
        workers.wait(0.01)
