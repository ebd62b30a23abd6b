"""S3 is the only truth: one object an index, the same answers after a restart, and a clear error where it is broken."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.api import Answer, Api
from tests.support.backends import S3Backend

A, B, C = ({"id": vector_id, "vector": vector} for vector_id, vector in (("a", [1, 0]), ("b", [0, 1]), ("c", [1, 1])))


def outside(answer: Answer) -> tuple[int, Any, str, str | None]:
    """Return what of an answer must be the same wherever it comes from: all but the time that it took."""
    body = {name: value for name, value in answer.json.items() if name != "milliseconds"}
    return answer.status, body, answer.headers["Content-Type"], answer.headers.get("ETag")


def test_an_index_is_one_object(on_s3: Api, bucket: S3Backend) -> None:
    on_s3.create()
    on_s3.add(A, B)
    on_s3.send("DELETE", "/indexes/t/vectors/a")
    assert bucket.keys() == [bucket.key("t")]


def test_the_object_begins_with_the_magic_bytes_of_its_format(on_s3: Api, bucket: S3Backend) -> None:
    on_s3.create()
    assert bucket.read(bucket.key("t")).startswith(b"LHV1")


def test_the_etag_of_an_answer_is_that_of_the_object(on_s3: Api, bucket: S3Backend) -> None:
    on_s3.create()
    etag = on_s3.add(A).etag
    assert bucket.client.head_object(Bucket=bucket.bucket, Key=bucket.key("t"))["ETag"] == etag


def test_deleting_an_index_removes_its_object(on_s3: Api, bucket: S3Backend) -> None:
    on_s3.create()
    on_s3.add(A)
    on_s3.send("DELETE", "/indexes/t")
    assert bucket.keys() == []


def test_a_refused_batch_leaves_the_object_as_it_was(on_s3: Api, bucket: S3Backend) -> None:
    on_s3.create()
    before = bucket.read(bucket.key("t"))
    assert on_s3.add(A, {"id": "bad", "vector": []}).status == 422
    assert bucket.read(bucket.key("t")) == before


def test_after_a_restart_every_answer_is_the_same(on_s3: Api) -> None:
    matrix = np.random.default_rng(5).standard_normal((200, 8)).tolist()
    on_s3.create(dimension=8)
    on_s3.add(*({"id": str(row), "vector": vector, "metadata": {"row": row}} for row, vector in enumerate(matrix)))
    requests = [("GET", "/indexes/t", None), ("GET", "/indexes/t/vectors/7", None)]
    requests += [("POST", "/indexes/t/search", {"vector": vector, "k": 20}) for vector in matrix[:20]]
    before = [outside(on_s3.send(*request)) for request in requests]
    restarted = Api()
    assert [outside(restarted.send(*request)) for request in requests] == before


def test_after_a_restart_a_stored_vector_finds_itself_at_zero(on_s3: Api) -> None:
    on_s3.create()
    on_s3.add({"id": "a", "vector": [0.1, 0.7]})
    assert Api().search([0.1, 0.7]).json["matches"] == [{"id": "a", "distance": 0.0, "metadata": None}]


def test_warm_functions_see_what_the_others_changed(on_s3: Api) -> None:
    first, second = on_s3, Api()
    first.create()
    for api, vector in ((first, A), (second, B), (first, C)):
        api.add(vector)
        assert len(second.search([1, 0]).json["matches"]) == len(first.search([1, 0]).json["matches"])
    assert {match["id"] for match in second.search([1, 0]).json["matches"]} == {"a", "b", "c"}


def test_an_index_deleted_and_created_elsewhere_is_seen_as_new(on_s3: Api) -> None:
    first, second = on_s3, Api()
    first.create()
    first.add(A, B)
    assert second.search([1, 0]).json["count"] == 2
    first.send("DELETE", "/indexes/t")
    assert second.search([1, 0]).status == 404
    first.create()
    assert second.search([1, 0]).json["count"] == 0


def test_of_two_functions_that_create_one_name_the_second_meets_a_conflict(on_s3: Api) -> None:
    assert (on_s3.create().status, Api().create(dimension=3).status) == (201, 409)
    assert Api().send("GET", "/indexes/t").json["index"]["dimension"] == 2


def test_of_many_creations_at_once_one_succeeds(ephemeral: Api) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda dimension: ephemeral.create(dimension=dimension).status, range(1, 9)))
    assert sorted(statuses) == [201] + [409] * 7


def test_batches_added_at_once_are_all_there(ephemeral: Api) -> None:
    ephemeral.create()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda i: ephemeral.add({"id": str(i), "vector": [1, i]}), range(12)))
    assert [answer.status for answer in answers] == [200] * 12
    assert ephemeral.send("GET", "/indexes/t").json["count"] == 12


def test_a_blob_copied_to_another_key_is_an_index_of_that_name(on_s3: Api, bucket: S3Backend) -> None:
    on_s3.create()
    on_s3.add(A, B)
    bucket.write(bucket.key("copy"), bucket.read(bucket.key("t")))
    assert on_s3.search([1, 0], name="copy").json["matches"][0]["id"] == "a"
    assert on_s3.add(C, name="copy").json["count"] == 3
    assert Api().send("GET", "/indexes/copy").json["index"]["name"] == "copy"
    assert Api().send("GET", "/indexes/t").json["count"] == 2


def test_objects_that_are_no_indexes_are_not_listed(on_s3: Api, bucket: S3Backend) -> None:
    on_s3.create()
    bucket.write(f"{bucket.prefix}/notes.txt", b"")
    bucket.write(f"{bucket.prefix}/folder/t.lhv1", b"")
    assert [shown["name"] for shown in on_s3.send("GET", "/indexes").json["indexes"]] == ["t"]


BROKEN = {
    "empty": lambda blob: b"",
    "of something else": lambda blob: b"%PDF-1.7" + blob,
    "cut short": lambda blob: blob[:-1],
    "longer than it was": lambda blob: blob + b"\x00",
    "flipped in the envelope": lambda blob: blob[:30] + bytes([blob[30] ^ 1]) + blob[31:],
    "flipped in the graph": lambda blob: blob[:-5] + bytes([blob[-5] ^ 1]) + blob[-4:],
}


TO_AN_INDEX = [
    ("GET", "", None),
    ("GET", "/vectors/a", None),
    ("POST", "/search", {"vector": [1, 0]}),
    ("POST", "/vectors", {"vectors": [B]}),
    ("DELETE", "/vectors/a", None),
    ("POST", "/vectors/delete", {"ids": ["a"]}),
]


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN.keys())
def test_a_corrupt_object_is_one_clear_error_on_every_route(
    on_s3: Api,
    bucket: S3Backend,
    damage: Callable[[bytes], bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_s3.create()
    on_s3.add(A)
    bucket.write(bucket.key("t"), damage(bucket.read(bucket.key("t"))))
    for number, (method, path, body) in enumerate(TO_AN_INDEX):
        monkeypatch.setenv("TMPDIR", str(tmp_path / str(number)))  # another machine, which has kept nothing
        answer = Api(one_process=True).send(method, f"/indexes/t{path}", body)
        assert (answer.status, answer.json["type"]) == (500, "urn:vectord:problem:index-corrupt")
        assert "'t'" in answer.json["detail"]
        assert not [word for word in (bucket.bucket, bucket.prefix, "Error", "msgspec", ".py") if word in answer.text]


def test_a_section_that_a_function_has_verified_and_kept_answers_right_while_the_object_is_damaged(
    on_s3: Api, bucket: S3Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_s3.create()
    on_s3.add(A, B)
    right = on_s3.search([1, 0]).json["matches"]
    blob = bytearray(bucket.read(bucket.key("t")))
    blob[8 + int.from_bytes(blob[4:8], "big") + 15] ^= 0xFF  # in a stored vector
    bucket.write(bucket.key("t"), bytes(blob))
    assert on_s3.search([1, 0]).json["matches"] == right
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # another machine, which has kept nothing
    assert Api().search([1, 0]).json["type"] == "urn:vectord:problem:index-corrupt"


def test_a_corrupt_index_can_be_deleted_and_created_anew(on_s3: Api, bucket: S3Backend) -> None:
    bucket.seed("t", b"no LHV1")
    assert on_s3.create().status == 409
    assert on_s3.send("DELETE", "/indexes/t").status == 204
    assert on_s3.create().status == 201


def test_a_bucket_that_is_gone_is_an_error_that_does_not_name_it(on_s3: Api, bucket: S3Backend) -> None:
    bucket.client.delete_bucket(Bucket=bucket.bucket)
    for answer in (on_s3.send("GET", "/indexes"), on_s3.send("GET", "/indexes/t"), on_s3.create()):
        assert (answer.status, answer.json["type"]) == (500, "urn:vectord:problem:storage-refused")
        assert bucket.bucket not in answer.text
