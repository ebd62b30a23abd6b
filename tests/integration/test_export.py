"""Exports over HTTP: the rows of an index as a file, inline or by a link, and added again by every way in."""

import base64
import urllib.request
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.support.api import Answer, Api
from tests.support.backends import S3Backend
from tests.support.logs import log_line
from vectord.errors import BadItem
from vectord.index.codec import decode
from vectord.readers.files import entries_of_file

FORMATS = ["lhv1", "jsonl", "jsonl.gz", "parquet"]
OF_ROWS = FORMATS[1:]
MEDIA = {
    "lhv1": "application/octet-stream",
    "jsonl": "application/jsonl",
    "jsonl.gz": "application/gzip",
    "parquet": "application/vnd.apache.parquet",
}
VECTORS = {
    "a/b": [0.0, -0.0, 1e-45],
    "100% ü 漢": [-1.1754942e-38, 3.4028235e38, 0.1],
    'quo"te\n': [1.0, 16777216.0, -0.33333334],
}
METADATA: dict[str, Any] = {"a/b": {"n": [1.5, 12345678901234567890, "é\n"]}, 'quo"te\n': []}

type Rows = dict[str, tuple[bytes, object]]

HELD: Rows = {name: (np.float32(vector).tobytes(), METADATA.get(name)) for name, vector in VECTORS.items()}


def _packed(vector: Any) -> str:
    return base64.b64encode(np.float32(vector).tobytes()).decode()


def _filled(api: Api, name: str = "t", **more: Any) -> str:
    assert api.create(name, 3, distance="euclidean", m=7, **more).status == 201
    items = [
        {"id": one, "vector": _packed(vector), **({"metadata": METADATA[one]} if one in METADATA else {})}
        for one, vector in VECTORS.items()
    ]
    answer = api.add(*items, name=name)
    assert answer.status == 200, answer.text
    return answer.headers.get("ETag", "")


def _export(api: Api, kind: str, name: str = "t", held: Mapping[str, str] | None = None, **query: str) -> Answer:
    return api.send("GET", f"/indexes/{name}/export", query={"format": kind, **query}, headers=held)


def _rows(data: bytes, kind: str) -> Rows:
    if kind == "lhv1":
        rows = decode.open_blob(data).rows
        found = zip(rows.ids, rows.vectors, (rows.metadata.get(one) for one in rows.ids), strict=True)
    else:
        entries = entries_of_file(f"x.{kind}", data, 1 << 26)
        found = ((one.id, one.vector, one.metadata) for one in entries if not isinstance(one, BadItem))
    return {
        name: (np.asarray(vector, np.float32).tobytes(), None if text is None else msgspec.json.decode(text))
        for name, vector, text in found
    }


@pytest.mark.parametrize("kind", FORMATS)
def test_a_small_export_is_returned_inline(api: Api, kind: str) -> None:
    etag = _filled(api)
    answer = _export(api, kind)
    assert (answer.status, answer.etag) == (200, etag)
    assert answer.headers["Content-Type"] == MEDIA[kind]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="t.{kind}"'
    assert _rows(answer.data, kind) == HELD


@pytest.mark.parametrize("kind", FORMATS)
def test_a_link_returns_the_same_file(api: Api, kind: str) -> None:
    etag = _filled(api)
    answer = _export(api, kind, link="true")
    assert (answer.status, answer.etag) == (200, etag)
    link = answer.json
    assert (link["format"], link["expires"]) == (kind, 3_600)
    with urllib.request.urlopen(link["url"]) as response:
        data = response.read()
    assert (len(data), _rows(data, kind)) == (link["bytes"], HELD)


@pytest.mark.parametrize("kind", FORMATS)
def test_an_empty_index_exports_a_file_without_rows(api: Api, kind: str) -> None:
    api.create(dimension=3)
    assert _rows(_export(api, kind).data, kind) == {}


@pytest.mark.parametrize("kind", OF_ROWS)
def test_exported_rows_are_unchanged_after_adding_them_again(api: Api, kind: str) -> None:
    _filled(api)
    api.create("again", 3, distance="euclidean")
    rows = _rows(_export(api, kind).data, kind)
    items = [
        {"id": name, "vector": base64.b64encode(vector).decode(), "metadata": metadata}
        for name, (vector, metadata) in rows.items()
    ]
    assert api.add(*items, name="again").status == 200
    assert _export(api, "jsonl", "again").data == _export(api, "jsonl").data


def test_an_exported_blob_stored_under_another_key_is_an_index_of_that_name(
    on_s3_in_one_process: Api, bucket: S3Backend
) -> None:
    api = on_s3_in_one_process
    _filled(api)
    bucket.seed("other", _export(api, "lhv1").data)
    index = api.send("GET", "/indexes/other").json["index"]
    assert (index["m"], index["distance"]) == (7, "euclidean")
    assert _export(api, "jsonl", "other").data == _export(api, "jsonl").data


def test_an_export_of_an_unchanged_index_returns_304(on_s3_in_one_process: Api, bucket: S3Backend) -> None:
    etag = _filled(on_s3_in_one_process)
    before = bucket.keys()
    answer = _export(on_s3_in_one_process, "jsonl", held={"If-None-Match": f'"old", {etag}'}, link="true")
    assert (answer.status, answer.text, answer.headers, bucket.keys()) == (304, "", {"ETag": etag}, before)
    assert _export(on_s3_in_one_process, "jsonl", held={"If-None-Match": '"old"'}).status == 200


@pytest.mark.parametrize("shards", [1, 3])
def test_if_match_alone_costs_an_export_no_read(
    on_s3_in_one_process: Api, capsys: pytest.CaptureFixture[str], shards: int
) -> None:
    _filled(on_s3_in_one_process, shards=shards)
    _export(on_s3_in_one_process, "jsonl")  # the instance has the index cached
    reads = []
    for headers in ({}, {"If-Match": '"another"'}):
        capsys.readouterr()
        assert _export(on_s3_in_one_process, "jsonl", held=headers).status == 200
        reads.append(log_line(capsys)["ReadRequests"])
    assert reads[0] == reads[1]


def test_an_earlier_version_is_exported(api: Api, request: pytest.FixtureRequest) -> None:
    if "s3" in request.node.name:
        request.getfixturevalue("bucket").keep_versions()
    old = _filled(api)
    assert api.send("DELETE", "/indexes/t/vectors/a%2Fb").status == 200
    answer = _export(api, "jsonl", as_of=old)
    assert (_rows(answer.data, "jsonl"), answer.etag) == (HELD, old)
    assert len(_rows(_export(api, "jsonl").data, "jsonl")) == 2


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({}, "lhv1, jsonl, jsonl.gz, parquet"),
        ({"format": "csv"}, "lhv1, jsonl, jsonl.gz, parquet, not 'csv'"),
        ({"format": "jsonl", "link": "yes"}, "link must be true or false, not 'yes'"),
        ({"format": "jsonl", "filter": "{}"}, "Unknown parameter 'filter'"),
        ({"format": "jsonl", "as_of": ""}, "as_of must be"),
    ],
)
def test_an_invalid_query_is_refused(ephemeral: Api, query: dict[str, str], detail: str) -> None:
    _filled(ephemeral)
    answer = ephemeral.send("GET", "/indexes/t/export", query=query)
    assert (answer.status, answer.json["type"]) == (422, "urn:vectord:problem:request-invalid")
    assert detail in answer.json["detail"]


@pytest.mark.parametrize("held", [None, {"If-None-Match": '"x"'}])
def test_a_missing_index_or_version_is_not_found(api: Api, held: dict[str, str] | None) -> None:
    assert _export(api, "jsonl", "absent", held).json["type"].endswith(":index-not-found")
    _filled(api)
    gone = _export(api, "jsonl", "t", held, as_of='"gone"')
    assert (gone.status, gone.json["type"].rpartition(":")[2]) == (404, "version-not-found")


# ---- shards


@pytest.mark.parametrize("kind", OF_ROWS)
def test_a_sharded_index_exports_one_file(api: Api, kind: str) -> None:
    _filled(api, shards=3)
    answer = _export(api, kind)
    assert _rows(answer.data, kind) == HELD
    etag = api.send("GET", "/indexes/t").etag
    assert answer.etag == etag
    assert _export(api, kind, held={"If-None-Match": etag}).status == 304


def test_a_sharded_index_exports_neither_lhv1_nor_earlier_versions(api: Api) -> None:
    _filled(api, shards=3)
    blob, earlier = _export(api, "lhv1"), _export(api, "jsonl", as_of="2999-01-01T00:00:00Z")
    assert [one.status for one in (blob, earlier)] == [422, 422]
    assert "jsonl, jsonl.gz or parquet" in blob.json["detail"]


# ---- large ones

WIDE, MANY = 1_024, 1_300


@pytest.fixture
def large(on_s3_in_one_process: Api) -> Api:
    """An index whose vectors alone are more than an answer may have."""
    api = on_s3_in_one_process
    api.create(dimension=WIDE)
    drawn = np.random.default_rng(1).normal(size=(MANY, WIDE)).astype(np.float32)
    for start in range(0, MANY, 650):
        items = [{"id": str(row), "vector": _packed(drawn[row])} for row in range(start, start + 650)]
        assert api.add(*items).status == 200
    return api


@pytest.mark.slow
def test_a_large_export_is_staged_and_returned_as_a_link(large: Api, bucket: S3Backend) -> None:
    answer = _export(large, "jsonl")
    with urllib.request.urlopen(answer.json["url"]) as response:
        assert response.headers["Content-Disposition"] == 'attachment; filename="t.jsonl"'
        data = response.read()
    assert len(data) == answer.json["bytes"] > 8 << 20
    drawn = np.random.default_rng(1).normal(size=(MANY, WIDE)).astype(np.float32)
    assert _rows(data, "jsonl") == {str(row): (vector.tobytes(), None) for row, vector in enumerate(drawn)}
    (staged,) = [key for key in bucket.keys() if "/.staging/" in key]  # noqa: SIM118
    assert staged.startswith(f"{bucket.prefix}/.staging/")
    assert [one["name"] for one in large.send("GET", "/indexes").json["indexes"]] == ["t"]
