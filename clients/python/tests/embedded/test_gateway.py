"""Requests in this process: the answers of the functions, their limits, and nothing on stdout."""

import gzip
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.embedded.support import send

from vectord.edge.request import MAX_BODY
from vectord_client.embedded.entry import open_gateway
from vectord_client.embedded.process_files import Scratch
from vectord_client.embedded.requirements import Options
from vectord_client.embedded.transport import Gateway
from vectord_client.errors import ClientClosed, TargetInvalid
from vectord_client.wire.request import Request


def test_a_request_is_answered_by_the_function_of_its_route(gateway: Gateway) -> None:
    assert send(gateway, "POST", "/indexes", {"name": "films", "dimension": 2}).status == 201
    added = send(gateway, "POST", "/indexes/films/vectors", {"vectors": [{"id": "a/b", "vector": [1, 0]}]})
    assert json.loads(added.body) == {"added": 1, "replaced": 0, "count": 1}
    found = json.loads(send(gateway, "POST", "/indexes/films/search", {"vector": [1, 0]}).body)
    assert [match["id"] for match in found["matches"]] == ["a/b"]
    assert send(gateway, "GET", "/indexes/films/vectors/a%2Fb").status == 200
    assert send(gateway, "DELETE", "/indexes/films").status == 204


def test_the_values_of_a_repeated_parameter_are_joined_by_a_comma(gateway: Gateway) -> None:
    twice = gateway.send(Request("GET", "/indexes", (("limit", "1"), ("limit", "2"))), 30)
    assert (twice.status, json.loads(twice.body)["detail"][:40]) == (422, "limit must be 1 to 1,000, not '1,2'."[:40])


def test_a_body_may_be_larger_than_lambda_allows(gateway: Gateway) -> None:
    send(gateway, "POST", "/indexes", {"name": "films", "dimension": 1_024})
    metadata = {"text": "x" * 30_000}
    batch = {"vectors": [{"id": str(row), "vector": [1.0] * 1_024, "metadata": metadata} for row in range(200)]}
    body = json.dumps(batch).encode()
    assert len(body) > MAX_BODY
    response = gateway.send(Request("POST", "/indexes/films/vectors", body=body), 30)
    assert json.loads(response.body)["added"] == 200


def test_an_answer_may_be_as_large_as_a_compressed_one(gateway: Gateway) -> None:
    send(gateway, "POST", "/indexes", {"name": "films", "dimension": 1})
    rows = [{"id": str(row), "vector": [1], "metadata": {"text": "x" * 100_000}} for row in range(80)]
    send(gateway, "POST", "/indexes/films/vectors", {"vectors": rows})
    found = send(gateway, "POST", "/indexes/films/search", {"vectors": [[1], [1]], "k": 40})
    assert found.status == 200
    assert "content-encoding" not in found.headers
    assert len(found.body) > 8_000_000
    assert [len(one["matches"]) for one in json.loads(found.body)["results"]] == [40, 40]


def test_an_answer_that_does_not_fit_is_refused(gateway: Gateway) -> None:
    send(gateway, "POST", "/indexes", {"name": "films", "dimension": 1})
    rows = [{"id": str(row), "vector": [1], "metadata": {"text": "x" * 500_000}} for row in range(80)]
    send(gateway, "POST", "/indexes/films/vectors", {"vectors": rows})
    found = send(gateway, "POST", "/indexes/films/search", {"vectors": [[1], [1]], "k": 40})
    assert (found.status, json.loads(found.body)["type"]) == (413, "urn:vectord:problem:answer-too-large")


def test_a_compressed_body_is_decompressed(gateway: Gateway) -> None:
    body = gzip.compress(b'{"name": "films", "dimension": 2}')
    assert gateway.send(Request("POST", "/indexes", headers={"content-encoding": "gzip"}, body=body), 30).status == 201


def test_the_protocol_of_s3_vectors_is_served(gateway: Gateway) -> None:
    created = send(gateway, "POST", "/CreateVectorBucket", {"vectorBucketName": "media"})
    assert created.status == 200
    listed = json.loads(send(gateway, "POST", "/ListVectorBuckets", {}).body)
    assert [bucket["vectorBucketName"] for bucket in listed["vectorBuckets"]] == ["media"]


def test_an_index_may_have_shards(gateway: Gateway) -> None:
    send(gateway, "POST", "/indexes", {"name": "films", "dimension": 2, "shards": 4})
    rows = [{"id": str(row), "vector": [1, row]} for row in range(40)]
    send(gateway, "POST", "/indexes/films/vectors", {"vectors": rows})
    found = json.loads(send(gateway, "POST", "/indexes/films/search", {"vector": [1, 7], "k": 1}).body)
    assert (found["matches"][0]["id"], found["count"]) == ("7", 40)


def test_a_file_is_exported_as_a_link_to_the_folder(gateway: Gateway, tmp_path: Path) -> None:
    send(gateway, "POST", "/indexes", {"name": "films", "dimension": 2})
    send(gateway, "POST", "/indexes/films/vectors", {"vectors": [{"id": "a", "vector": [1, 0]}]})
    exported = gateway.send(Request("GET", "/indexes/films/export", (("format", "jsonl"), ("link", "true"))), 30)
    url = json.loads(exported.body)["url"]
    assert url.startswith(f"file://{tmp_path.resolve()}")
    assert json.loads(Path(url.removeprefix("file://")).read_text()) == {"id": "a", "vector": [1.0, 0.0]}


@pytest.mark.parametrize("path", ["/uploads/films/../../x.jsonl", "/uploads/films/%2e%2e/x", "/uploads/../x.jsonl"])
def test_an_upload_cannot_leave_the_inbox(gateway: Gateway, tmp_path: Path, path: str) -> None:
    before = set(tmp_path.rglob("*"))
    assert gateway.send(Request("PUT", path, body=b"{}"), 30).status == 422
    assert set(tmp_path.rglob("*")) == before


def test_an_uploaded_file_is_ingested(gateway: Gateway) -> None:
    send(gateway, "POST", "/indexes", {"name": "films", "dimension": 2})
    data = b'{"id": "a", "vector": [1, 0]}\n'
    link = json.loads(send(gateway, "POST", "/indexes/films/uploads", {"file": "a.jsonl", "bytes": len(data)}).body)
    assert gateway.send(Request("PUT", link["url"], body=data), 30).status == 200
    assert gateway._engine.uploads.wait(30)
    assert json.loads(send(gateway, "GET", "/indexes/films").body)["count"] == 1


def test_nothing_is_written_to_stdout(gateway: Gateway, capfd: pytest.CaptureFixture[str]) -> None:
    send(gateway, "POST", "/indexes", {"name": "films", "dimension": 2})
    send(gateway, "POST", "/indexes/films/search", {"vector": [1]})
    assert capfd.readouterr() == ("", "")


def test_requests_are_logged_for_an_application_that_wants_it(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "vectord_client.embedded"):
        send(gateway, "POST", "/indexes", {"name": "films", "dimension": 2})
    [record] = caplog.records
    assert "'route': 'POST /indexes'" in record.message
    assert "'status': 201" in record.message


def test_threads_may_use_one_gateway(gateway: Gateway) -> None:
    send(gateway, "POST", "/indexes", {"name": "films", "dimension": 2})

    def add_and_search(row: int) -> int:
        body = {"vectors": [{"id": str(row), "vector": [1, row]}]}
        added = send(gateway, "POST", "/indexes/films/vectors", body)
        found = send(gateway, "POST", "/indexes/films/search", {"vector": [1, row], "k": 1})
        assert json.loads(found.body)["matches"][0]["id"] == str(row)
        return added.status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(add_and_search, range(64))) == {200}
    assert json.loads(send(gateway, "GET", "/indexes/films").body)["count"] == 64


def test_gateways_to_one_folder_share_an_engine(gateway: Gateway, tmp_path: Path, options: Options) -> None:
    other = open_gateway(tmp_path / "." / "data", options)
    assert other.service is gateway.service
    other.close()
    assert send(gateway, "GET", "/indexes").status == 200


def test_a_closed_gateway_refuses_requests(tmp_path: Path, options: Options) -> None:
    opened = open_gateway(tmp_path / "data", options)
    opened.close()
    opened.close()
    with pytest.raises(ClientClosed):
        send(opened, "GET", "/indexes")


def test_temporary_files_do_not_outlive_the_gateway(tmp_path: Path, options: Options) -> None:
    opened = open_gateway(tmp_path / "data", options)
    assert list((tmp_path / "cache").iterdir())
    opened.close()
    assert not list((tmp_path / "cache").iterdir())


def test_those_of_a_killed_process_are_removed_by_the_next_one(tmp_path: Path, options: Options) -> None:
    left = tmp_path / "cache" / "0123456789abcdef"
    left.mkdir(parents=True)
    (left / "section").write_text("x")
    left.with_suffix(".lock").touch()
    used = Scratch(tmp_path / "cache")
    opened = open_gateway(tmp_path / "data", options)
    assert not left.exists()
    assert used.path.exists()
    opened.close()
    used.remove()


def test_the_folder_and_its_parents_are_created(tmp_path: Path, options: Options) -> None:
    opened = open_gateway(tmp_path / "a" / "b", options)
    assert (tmp_path / "a" / "b").is_dir()
    opened.close()


@pytest.mark.parametrize("path", ["file", "file/below"])
def test_a_file_is_not_a_folder(tmp_path: Path, options: Options, path: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(TargetInvalid, match="file"):
        open_gateway(tmp_path / path, options)
