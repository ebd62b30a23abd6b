"""Reads of heads and ranges, over real sockets: the requested bytes at the requested ETag, or an error."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from tests.support import http_server
from tests.support.backends import REGION
from tests.support.http_server import ScriptedServer, answers, in_turn, ranged, refuses, resets, truncates
from vectord.errors import ConditionFailed, StoreRefused, StoreUnavailable
from vectord.storage.base import NotModified, ObjectHead
from vectord.storage.s3.store import S3Store

LAYER = Path(__file__).parents[2] / "layers/vectord"
OBJECT = b"0123456789"


def test_a_head_is_one_request_for_its_first_bytes(server: ScriptedServer, store: S3Store) -> None:
    server.answer = ranged(OBJECT)
    assert store.head("t", 4, '"held"') == ObjectHead(b"0123", '"e1"', 10)
    assert len(server.requests) == 1
    assert (server.headers[0]["Range"], server.headers[0]["If-None-Match"]) == ("bytes=0-3", '"held"')


def test_a_head_with_the_known_etag_is_not_modified(server: ScriptedServer, store: S3Store) -> None:
    server.answer = answers(304)
    assert store.head("t", 4, '"e1"') == NotModified()
    assert len(server.requests) == 1


def test_304_without_a_known_etag_is_refused(server: ScriptedServer, store: S3Store) -> None:
    server.answer = answers(304)
    with pytest.raises(StoreRefused):
        store.head("t", 4)


def test_the_head_of_an_empty_object_is_read_as_a_whole(server: ScriptedServer, store: S3Store) -> None:
    server.answer = in_turn(refuses(416, "InvalidRange"), answers(200))
    assert store.head("t", 4) == ObjectHead(b"", '"e1"', 0)


def test_an_object_that_was_written_meanwhile_is_cut_to_the_head(server: ScriptedServer, store: S3Store) -> None:
    server.answer = in_turn(refuses(416, "InvalidRange"), answers(200, OBJECT))
    assert store.head("t", 4) == ObjectHead(b"0123", '"e1"', 10)


def test_a_range_is_pinned_to_its_etag_and_signed(server: ScriptedServer, store: S3Store) -> None:
    server.answer = ranged(OBJECT)
    assert store.read("t", '"e1"', [(2, 5)]) == [b"234"]
    assert (server.headers[0]["Range"], server.headers[0]["If-Match"]) == ("bytes=2-4", '"e1"')
    assert "SignedHeaders=host;if-match;range;x-amz-content-sha256;x-amz-date;" in server.headers[0]["Authorization"]


def test_ranges_are_read_in_parallel(server: ScriptedServer, store: S3Store) -> None:
    together = Barrier(16, timeout=10)

    def answer(handler: http_server.BaseHTTPRequestHandler) -> None:
        together.wait()
        ranged(OBJECT)(handler)

    server.answer = answer
    assert store.read("t", '"e1"', [(2, 5)] * 16) == [b"234"] * 16


def test_no_range_makes_no_request(server: ScriptedServer, store: S3Store) -> None:
    assert store.read("t", '"e1"', []) == []
    assert store.read("t", '"e1"', [(3, 3)]) == [b""]
    assert server.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        ranged(OBJECT, Content_Range="bytes 3-6/10"),
        ranged(OBJECT, Content_Range="bytes 2-4/10"),
        ranged(OBJECT, Content_Range="bytes 2-6/10"),
        ranged(OBJECT, Content_Range="bytes 2-5/*"),
        ranged(OBJECT, Content_Range="items 2-5/10"),
        ranged(OBJECT[:5]),
        answers(206, b"234", **{"Content-Range": "bytes 2-5/10"}),
        answers(206, b"2345"),
        answers(200, OBJECT),
        answers(200, b"2345"),
        answers(204),
        truncates(b"23", 2, 206, **{"Content-Range": "bytes 2-5/10"}),
        truncates(b"", 4, 206, **{"Content-Range": "bytes 2-5/10"}),
        resets,
    ],
    ids=lambda answer: answer.__qualname__.split(".")[0],
)
def test_a_response_that_is_not_the_range_is_unavailable(
    server: ScriptedServer, store: S3Store, answer: http_server.Answer
) -> None:
    server.answer = answer
    with pytest.raises(StoreUnavailable):
        store.read("t", '"e1"', [(2, 6)])
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        ranged(OBJECT, Content_Range="bytes 1-4/10"),
        ranged(OBJECT, Content_Range="bytes 0-3/3"),
        ranged(OBJECT[:3], Content_Range="bytes 0-2/10"),
        answers(206, b"012", **{"Content-Range": "bytes 0-3/10"}),
        answers(206, b"0123"),
        answers(200, OBJECT),
    ],
)
def test_a_response_that_is_not_the_head_is_unavailable(
    server: ScriptedServer, store: S3Store, answer: http_server.Answer
) -> None:
    server.answer = answer
    with pytest.raises(StoreUnavailable):
        store.head("t", 4)


def test_a_range_with_another_etag_is_refused(server: ScriptedServer, store: S3Store) -> None:
    server.answer = ranged(OBJECT, ETag='"e2"')
    with pytest.raises(ConditionFailed):
        store.read("t", '"e1"', [(2, 6)])


def test_one_failed_range_fails_the_read(server: ScriptedServer, store: S3Store) -> None:
    def answer(handler: http_server.BaseHTTPRequestHandler) -> None:
        last = handler.headers["Range"] == "bytes=8-9"
        (refuses(412, "PreconditionFailed") if last else ranged(OBJECT))(handler)

    server.answer = answer
    with pytest.raises(ConditionFailed):
        store.read("t", '"e1"', [(n, n + 2) for n in range(9)])


def test_a_redirect_to_another_region_is_refused(server: ScriptedServer, store: S3Store) -> None:
    server.answer = refuses(301, "PermanentRedirect")  # S3 names no Location
    with pytest.raises(StoreRefused, match="PermanentRedirect"):
        store.get("t")
    assert len(server.requests) == 1


def test_a_redirect_to_another_host_is_followed_without_the_signature(server: ScriptedServer, store: S3Store) -> None:
    with http_server.scripted_server() as other:
        other.answer = refuses(403, "AccessDenied")
        server.answer = answers(307, Location=f"{other.endpoint}/elsewhere")
        with pytest.raises(StoreRefused):
            store.get("t")
        assert [request["Authorization"] for request in other.headers] == [None]


def test_endless_redirects_are_unavailable(server: ScriptedServer, store: S3Store) -> None:
    server.answer = answers(307, Location=f"{server.endpoint}/elsewhere")
    with pytest.raises(StoreUnavailable):
        store.get("t")
    assert len(server.requests) == 11


def test_a_foreign_body_is_classified_by_its_status(server: ScriptedServer, store: S3Store) -> None:
    server.answer = answers(403, b"<html><Code>NoSuchKey</Code>")
    with pytest.raises(StoreRefused):
        store.get("t")


@pytest.mark.parametrize("call", [lambda store: store.get("t"), lambda store: store.etag("t")], ids=["get", "etag"])
def test_a_response_without_an_etag_is_unavailable(
    server: ScriptedServer, store: S3Store, call: Callable[[S3Store], Any]
) -> None:
    server.answer = answers(200, b"", ETag="")
    with pytest.raises(StoreUnavailable):
        call(store)


@pytest.mark.parametrize("etag", ['"', '"e1', 'e1"', "e1", '""', 'W/"e1"'])
def test_an_incomplete_etag_is_unavailable(server: ScriptedServer, store: S3Store, etag: str) -> None:
    server.answer = answers(200, b"", ETag=etag)
    with pytest.raises(StoreUnavailable):
        store.get("t")


READS = """
import os, sys
from vectord.runtime import resources, settings

store = resources.store_of(settings.Settings.read(os.environ))
store.head("t", 4)
store.read("t", '"e1"', [(0, 1), (2, 3)])
store.etag("t")
store.get("t", '"e1"')
print(sorted({"boto3", "botocore", "ssl", "http.client", "xml", "asyncio"} & sys.modules.keys()))
"""


@pytest.mark.slow
def test_reads_import_no_slow_library(server: ScriptedServer) -> None:
    def answer(handler: http_server.BaseHTTPRequestHandler) -> None:
        (ranged(OBJECT) if "Range" in handler.headers else answers(200, OBJECT))(handler)

    server.answer = answer
    where = {"AWS_ENDPOINT_URL": server.endpoint, "AWS_REGION": REGION, "VECTORD_STORE": "s3://bucket/_vectors"}
    environ = where | {"AWS_ACCESS_KEY_ID": "access", "AWS_SECRET_ACCESS_KEY": "secret", "PYTHONPATH": str(LAYER)}
    done = subprocess.run([sys.executable, "-c", READS], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_reads_with_container_credentials_import_no_botocore(server: ScriptedServer) -> None:
    given = {
        "AccessKeyId": "access",
        "SecretAccessKey": "secret",
        "Token": "session",
        "Expiration": "2100-01-01T00:00:00Z",
    }

    def answer(handler: http_server.BaseHTTPRequestHandler) -> None:
        if handler.path == "/credentials":
            answers(200, json.dumps(given).encode())(handler)
        else:
            (ranged(OBJECT) if "Range" in handler.headers else answers(200, OBJECT))(handler)

    server.answer = answer
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.endpoint}/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "token",
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_REGION": REGION,
        "HOME": "/absent",
        "PYTHONPATH": str(LAYER),
        "VECTORD_STORE": "s3://bucket/_vectors",
    }
    code = READS.replace('"ssl", "http.client", ', "")  # Lambda's runtime imports these before it restores a snapshot
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert [server.requests.index("GET /credentials"), server.requests.count("GET /credentials")] == [0, 1]
    assert {headers["x-amz-security-token"] for headers in server.headers[1:]} == {"session"}
    assert all("Credential=access/" in headers["Authorization"] for headers in server.headers[1:])
