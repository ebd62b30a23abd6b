"""The limits in docs/limits.md, reached to the last value."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from tests.support.api import Answer, Api, encoded
from tests.support.backends import S3Backend

LONGEST_ID = "ü" * 511 + "/?"  # 1,024 bytes
PACKED = 8 << 20  # bytes from which on an index is packed


def _packed(vector: Any) -> str:
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode()


def _ids(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    return [match["id"] for match in answer.json["matches"]]


def test_4096_dimensions_are_stored_bit_for_bit_and_found(api: Api) -> None:
    drawn = np.random.default_rng(0).standard_normal((3, 4_096)).astype(np.float32)
    assert api.create(dimension=4_096).status == 201
    assert api.add(*({"id": str(row), "vector": _packed(vector)} for row, vector in enumerate(drawn))).status == 200
    assert _ids(api.search(drawn[1].tolist(), k=1)) == ["1"]
    assert np.array_equal(np.float32(api.send("GET", "/indexes/t/vectors/2").json["vector"]), drawn[2])


def test_4097_dimensions_are_refused(ephemeral: Api) -> None:
    assert ephemeral.create(dimension=4_097).status == 422


@pytest.mark.slow
def test_k_may_be_10_000_and_no_higher(ephemeral: Api) -> None:
    ephemeral.create()
    ephemeral.add(*({"id": f"{row:05}", "vector": [1, row]} for row in range(10_050)))
    found = _ids(ephemeral.search([1, 0], k=10_000, recall=1, include=[]))
    assert found == [f"{row:05}" for row in range(10_000)]
    assert ephemeral.search([1, 0], k=10_001).status == 422


def test_an_id_of_1024_bytes_works_on_every_route(api: Api) -> None:
    api.create()
    assert len(LONGEST_ID.encode()) == 1_024
    assert api.add({"id": LONGEST_ID, "vector": [1, 0]}, {"id": "b", "vector": [0, 1]}).status == 200
    assert _ids(api.search([1, 0], k=1)) == _ids(api.send("POST", "/indexes/t/search", {"id": "b"})) == [LONGEST_ID]
    got = api.send("POST", "/indexes/t/vectors/get", {"ids": [LONGEST_ID]})
    assert [one["id"] for one in got.json["vectors"]] == [LONGEST_ID]
    assert api.delete(LONGEST_ID).json["deleted"] == 1
    in_a_path = LONGEST_ID.replace("?", "+")
    assert api.add({"id": in_a_path, "vector": [1, 0]}).status == 200
    assert api.send("GET", f"/indexes/t/vectors/{encoded(in_a_path)}").json["id"] == in_a_path
    assert api.send("DELETE", f"/indexes/t/vectors/{encoded(in_a_path)}").json["deleted"] == 1
    assert api.add({"id": LONGEST_ID + "x", "vector": [1, 0]}).status == 422


def _document(row: int) -> dict[str, Any]:
    """Return metadata of 40 KB of JSON, of which the last key names the row."""
    found = {f"k{n:02}": f"{row}-{n}-" + "x" * 960 for n in range(40)} | {"text": "", "last": {"row": row}}
    found["text"] = "ü" * ((40_960 - len(json.dumps(found, ensure_ascii=False).encode())) // 2)
    return found


@pytest.fixture(params=[3, 420], ids=["one blob", "packed"])
def documented(request: pytest.FixtureRequest, bucket: S3Backend, on_s3_in_one_process: Api) -> Api:
    """An index of this many vectors, each with 40 KB of metadata."""
    api = on_s3_in_one_process
    api.create(dimension=8)
    rows = [{"id": str(row), "vector": [1, row, 0, 0, 0, 0, 0, 1], "metadata": _document(row)} for row in range(420)]
    for start in range(0, request.param, 140):
        assert api.add(*rows[start : min(start + 140, request.param)]).status == 200
    assert (len(bucket.read(bucket.key("t"))) >= PACKED) == (request.param == 420)
    return api


@pytest.mark.slow
def test_40_kb_of_metadata_a_vector_is_returned_and_filterable_by_every_key(documented: Api) -> None:
    wanted = _document(2)
    assert 40_950 <= len(json.dumps(wanted, ensure_ascii=False).encode()) <= 40_960
    for condition in (
        {"last.row": 2},
        {"k00": wanted["k00"]},
        {"k39": {"$prefix": "2-39-xxx"}},
        {"text": wanted["text"], "last.row": {"$gt": 1, "$lt": 3}},
    ):
        answer = documented.search([1] * 8, filter=condition)
        assert _ids(answer) == ["2"], condition
        assert answer.json["matches"][0]["metadata"] == wanted
    assert documented.send("POST", "/indexes/t/vectors/count", {"filter": {"last.row": {"$lte": 1}}}).json["count"] == 2
    got = documented.send("POST", "/indexes/t/vectors/get", {"ids": ["1"], "include": ["metadata"]})
    assert got.json["vectors"][0]["metadata"] == _document(1)


@pytest.fixture
def with_an_inbox(bucket: S3Backend, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setenv("VECTORD_INBOX", f"{bucket.bucket}-inbox")
    return Api(one_process=True)


@pytest.mark.parametrize(("letters", "status"), [(1_024, 200), (1_025, 422)])
def test_an_upload_key_fits_the_key_limit_of_s3(with_an_inbox: Api, letters: int, status: int) -> None:
    with_an_inbox.create()
    file = "x" * (letters - len(f"uploads/t/{'0' * 32}/.jsonl")) + ".jsonl"
    assert with_an_inbox.send("POST", "/indexes/t/uploads", {"file": file, "bytes": 1}).status == status
