"""S3 is the only state: one object an index, the same responses after a restart, a clear error if it is damaged."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.api import Answer, Api
from tests.support.backends import S3Backend

A, B, C = ({"id": vector_id, "vector": vector} for vector_id, vector in (("a", [1, 0]), ("b", [0, 1]), ("c", [1, 1])))


def comparable(answer: Answer) -> tuple[int, Any, str, str | None]:
    """Return the parts of a response that do not depend on which process sent it: all but the time it took."""
    body = {name: value for name, value in answer.json.items() if name != "milliseconds"}
    return answer.status, body, answer.headers["Content-Type"], answer.headers.get("ETag")


def test_an_index_is_one_object(on_s3: Api, bucket: S3Backend) -> None:
    on_s3.create()
    on_s3.add(A, B)
    on_s3.send("DELETE", "/indexes/t/vectors/a")
    assert bucket.keys() == [bucket.key("t")]


def test_the_object_starts_with_the_magic_bytes(on_s3: Api, bucket: S3Backend) -> None:
    on_s3.create()
    assert bucket.read(bucket.key("t")).startswith(b"LHV1")


def test_the_etag_of_a_response_is_that_of_the_object(on_s3: Api, bucket: S3Backend) -> None:
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


def test_responses_are_the_same_after_a_restart(on_s3: Api) -> None:
    matrix = np.random.default_rng(5).standard_normal((200, 8)).tolist()
    on_s3.create(dimension=8)
    on_s3.add(*({"id": str(row), "vector": vector, "metadata": {"row": row}} for row, vector in enumerate(matrix)))
    requests = [("GET", "/indexes/t", None), ("GET", "/indexes/t/vectors/7", None)]
    requests += [("POST", "/indexes/t/search", {"vector": vector, "k": 20}) for vector in matrix[:20]]
    before = [comparable(on_s3.send(*request)) for request in requests]
    restarted = Api()
    assert [comparable(restarted.send(*request)) for request in requests] == before


def test_a_stored_vector_finds_itself_at_zero_after_a_restart(on_s3: Api) -> None:
    on_s3.create()
    on_s3.add({"id": "a", "vector": [0.1, 0.7]})
    assert Api().search([0.1, 0.7]).json["matches"] == [{"id": "a", "distance": 0.0, "metadata": None}]


def test_warm_functions_see_writes_of_other_functions(on_s3: Api) -> None:
    first, second = on_s3, Api()
    first.create()
    for api, vector in ((first, A), (second, B), (first, C)):
        api.add(vector)
        assert len(second.search([1, 0]).json["matches"]) == len(first.search([1, 0]).json["matches"])
    assert {match["id"] for match in second.search([1, 0]).json["matches"]} == {"a", "b", "c"}


def test_a_warm_function_sees_an_index_that_was_deleted_and_created_elsewhere(on_s3: Api) -> None:
    first, second = on_s3, Api()
    first.create()
    first.add(A, B)
    assert second.search([1, 0]).json["count"] == 2
    first.send("DELETE", "/indexes/t")
    assert second.search([1, 0]).status == 404
    first.create()
    assert second.search([1, 0]).json["count"] == 0


def test_the_second_of_two_creations_is_a_conflict(on_s3: Api) -> None:
    assert (on_s3.create().status, Api().create(dimension=3).status) == (201, 409)
    assert Api().send("GET", "/indexes/t").json["index"]["dimension"] == 2


def test_one_of_many_concurrent_creations_succeeds(ephemeral: Api) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda dimension: ephemeral.create(dimension=dimension).status, range(1, 9)))
    assert sorted(statuses) == [201] + [409] * 7


def test_concurrent_batches_are_all_committed(ephemeral: Api) -> None:
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


def test_other_objects_are_not_listed(on_s3: Api, bucket: S3Backend) -> None:
    on_s3.create()
    bucket.write(f"{bucket.prefix}/notes.txt", b"")
    bucket.write(f"{bucket.prefix}/folder/t.lhv1", b"")
    assert [listed["name"] for listed in on_s3.send("GET", "/indexes").json["indexes"]] == ["t"]


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


@pytest.mark.slow
@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN.keys())
def test_a_corrupt_object_is_a_clear_error_on_every_route(
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
        monkeypatch.setenv("TMPDIR", str(tmp_path / str(number)))  # another machine with an empty cache
        answer = Api(one_process=True).send(method, f"/indexes/t{path}", body)
        assert (answer.status, answer.json["type"]) == (500, "urn:vectord:problem:index-corrupt")
        assert "'t'" in answer.json["detail"]
        assert not [word for word in (bucket.bucket, bucket.prefix, "Error", "msgspec", ".py") if word in answer.text]


def test_a_cached_and_verified_section_serves_searches_while_the_object_is_damaged(
    on_s3: Api, bucket: S3Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_s3.create()
    on_s3.add(A, B)
    right = on_s3.search([1, 0]).json["matches"]
    blob = bytearray(bucket.read(bucket.key("t")))
    blob[8 + int.from_bytes(blob[4:8], "big") + 15] ^= 0xFF  # in a stored vector
    bucket.write(bucket.key("t"), bytes(blob))
    assert on_s3.search([1, 0]).json["matches"] == right
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # another machine with an empty cache
    assert Api().search([1, 0]).json["type"] == "urn:vectord:problem:index-corrupt"


def test_a_corrupt_index_can_be_deleted_and_created_again(on_s3: Api, bucket: S3Backend) -> None:
    bucket.seed("t", b"not LHV1")
    assert on_s3.create().status == 409
    assert on_s3.send("DELETE", "/indexes/t").status == 204
    assert on_s3.create().status == 201


def test_a_missing_bucket_is_an_error_that_does_not_name_it(on_s3: Api, bucket: S3Backend) -> None:
    bucket.client.delete_bucket(Bucket=bucket.bucket)
    for answer in (on_s3.send("GET", "/indexes"), on_s3.send("GET", "/indexes/t"), on_s3.create()):
        assert (answer.status, answer.json["type"]) == (500, "urn:vectord:problem:storage-refused")
        assert bucket.bucket not in answer.text
