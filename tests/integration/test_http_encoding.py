"""gzip over HTTP: compressed requests and answers, for one object and for shards."""

import gzip
import json
import random
from typing import Any

import pytest

from tests.support.api import Answer, Api

ADD = "/indexes/t/vectors"
GZIP = {"Content-Encoding": "gzip"}
LIMIT = 6 * 1024 * 1024


@pytest.fixture(params=[1, 3], ids=["one blob", "three shards"])
def api(request: pytest.FixtureRequest, ephemeral: Api) -> Api:
    ephemeral.create(shards=request.param)
    return ephemeral


def batch(rows: int, text: str = "") -> bytes:
    vectors = [{"id": f"row-{row}", "vector": [row, 1], "metadata": {"text": text}} for row in range(rows)]
    return json.dumps({"vectors": vectors}).encode()


def kind(answer: Answer) -> Any:
    return answer.json["type"].removeprefix("urn:vectord:problem:")


def test_a_compressed_batch_is_added(api: Api) -> None:
    answer = api.send("POST", ADD, gzip.compress(batch(3)), headers=GZIP)
    assert (answer.status, answer.json["added"]) == (200, 3)


@pytest.mark.slow
def test_a_batch_of_more_than_6_mb_is_added_if_it_is_compressed(api: Api) -> None:
    body = batch(100, "x" * 100_000)
    assert len(body) > LIMIT
    assert api.send("POST", ADD, gzip.compress(body), headers=GZIP).json["added"] == 100
    assert api.send("POST", ADD, body).status == 413


def test_the_same_change_with_the_same_key_is_the_same_request_in_either_coding(api: Api) -> None:
    key = {"Idempotency-Key": "k"}
    first = api.send("POST", ADD, batch(3), headers=key)
    again = api.send("POST", ADD, gzip.compress(batch(3)), headers={**key, **GZIP})
    assert (again.status, again.json) == (200, first.json)


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, br"])
def test_another_coding_is_415_and_names_gzip(api: Api, coding: str) -> None:
    answer = api.send("POST", ADD, gzip.compress(batch(1)), headers={"Content-Encoding": coding})
    assert (answer.status, kind(answer)) == (415, "unsupported-content-encoding")
    assert answer.headers["Accept-Encoding"] == "gzip"


def test_a_damaged_body_is_400_and_changes_nothing(api: Api) -> None:
    answer = api.send("POST", ADD, gzip.compress(batch(1))[:-1], headers=GZIP)
    assert (answer.status, kind(answer)) == (400, "malformed-encoding")
    assert api.send("POST", "/indexes/t/vectors/count").json == {"count": 0}


@pytest.mark.slow
def test_a_bomb_is_413(api: Api) -> None:
    answer = api.send("POST", ADD, gzip.compress(bytes(64 << 20)), headers=GZIP)
    assert (answer.status, kind(answer)) == (413, "request-too-large")


def test_a_large_answer_is_compressed_if_the_caller_accepts_it(api: Api) -> None:
    api.send("POST", ADD, batch(100))
    body = {"vector": [1, 1], "k": 100}
    plain = api.send("POST", "/indexes/t/search", body)
    packed = api.send("POST", "/indexes/t/search", body, headers={"Accept-Encoding": "gzip, deflate, br"})
    assert packed.headers == {**plain.headers, "Content-Encoding": "gzip"}
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert packed.json["matches"] == plain.json["matches"]
    assert len(packed.text) < len(plain.text)


def test_a_small_answer_is_not_compressed(api: Api) -> None:
    answer = api.send("GET", "/indexes", headers={"Accept-Encoding": "gzip"})
    assert (answer.packed, "Content-Encoding" in answer.headers, "Vary" in answer.headers) == (False, False, False)


def test_the_etag_is_that_of_the_index_in_either_coding(ephemeral: Api) -> None:
    ephemeral.create()
    ephemeral.send("POST", ADD, batch(100))
    accept = {"Accept-Encoding": "gzip"}
    body = {"vector": [1, 1], "k": 100}
    packed = ephemeral.send("POST", "/indexes/t/search", body, headers=accept)
    assert packed.etag == ephemeral.send("GET", "/indexes/t").etag
    again = ephemeral.send("POST", "/indexes/t/search", body, headers={**accept, "If-None-Match": packed.etag})
    assert (again.status, again.text, again.headers) == (304, "", {"ETag": packed.etag, "Vary": "Accept-Encoding"})


def test_an_answer_that_is_too_large_may_fit_compressed(ephemeral: Api) -> None:
    ephemeral.create()
    for start in range(2):
        vectors = [{"id": f"{start}-{i}", "vector": [i, 1], "metadata": "x" * 1_000_000} for i in range(5)]
        ephemeral.add(*vectors)
    body = {"vectors": [[1, 1]], "k": 10}
    assert ephemeral.send("POST", "/indexes/t/search", body).status == 413
    answer = ephemeral.send("POST", "/indexes/t/search", body, headers={"Accept-Encoding": "gzip"})
    assert (answer.status, len(answer.json["results"][0]["matches"])) == (200, 10)


def test_an_answer_that_gzip_enlarges_beyond_the_limit_is_sent_as_it_is(ephemeral: Api) -> None:
    ephemeral.create()
    dense = "".join(chr(code) for code in range(32, 127) if chr(code) not in '"\\').encode()
    table = bytes(dense[code % len(dense)] for code in range(256))
    for half in range(2):
        text = random.Random(half).randbytes(3_100_000).translate(table).decode()
        ephemeral.add({"id": str(half), "vector": [1, 1], "metadata": text})
    body = {"vectors": [[1, 1]], "k": 10}
    answer = ephemeral.send("POST", "/indexes/t/search", body, headers={"Accept-Encoding": "gzip"})
    assert (answer.status, answer.packed) == (200, False)
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_a_large_problem_is_compressed(api: Api) -> None:
    bad = [{"id": str(row), "vector": []} for row in range(100)]
    answer = api.send("POST", ADD, {"vectors": bad}, headers={"Accept-Encoding": "gzip"})
    assert (answer.status, answer.headers["Content-Encoding"]) == (422, "gzip")
    assert len(answer.json["errors"]) == 100
