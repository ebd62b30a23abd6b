"""Pages of vectors end where an answer is full: every vector is read, and each answer fits Lambda's limit."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.support.api import Answer, Api, in_memory

pytestmark = pytest.mark.slow

LIMIT = 6 * 1024 * 1024
LARGE = {f"row-{number:02}": {"text": "\\" * (number % 4) * 300_000 + "x" * 100_000} for number in range(8)}


def sent(answer: Answer) -> int:
    return len(json.dumps({"statusCode": answer.status, "body": answer.text}, ensure_ascii=False).encode())


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["type"].removeprefix("urn:vectord:problem:")


both = pytest.mark.parametrize("shards", [1, 3], ids=["one blob", "shards"])


@pytest.fixture(scope="module", params=[1, 3], ids=["one blob", "shards"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """An API with index `t` of rows that do not fit into one answer, in order of nothing. Tests only read it."""
    api = in_memory(tmp_path_factory.mktemp("cache"))
    api.create(shards=request.param)
    rows = [{"id": name, "vector": [1, 0], "metadata": metadata} for name, metadata in LARGE.items()]
    for half in (rows[::2], rows[1::2]):
        assert api.add(*half).status == 200
    return api


def pages(ask: Callable[[str | None], Answer]) -> Iterator[Answer]:
    """Yield every page; each fits."""
    cursor = None
    while True:
        answer = ask(cursor)
        assert answer.status == 200, answer.text[:300]
        assert sent(answer) <= LIMIT
        yield answer
        cursor = answer.json["next"]
        if cursor is None:
            return


def listed(api: Api, **query: str) -> list[list[dict[str, Any]]]:
    def ask(cursor: str | None) -> Answer:
        return api.send("GET", "/indexes/t/vectors", query={**query, **({"cursor": cursor} if cursor else {})})

    return [answer.json["vectors"] for answer in pages(ask)]


def gotten(api: Api, ids: list[str], **body: Any) -> list[dict[str, Any]]:
    def ask(cursor: str | None) -> Answer:
        return api.send("POST", "/indexes/t/vectors/get", {"ids": ids, "after": cursor, **body})

    return [answer.json for answer in pages(ask)]


@pytest.mark.parametrize("limit", ["1000", "3"])
def test_a_listing_shows_every_vector_once_in_pages_that_fit(large: Api, limit: str) -> None:
    found = listed(large, limit=limit)
    assert {one["id"]: one["metadata"] for page in found for one in page} == LARGE
    assert sum(map(len, found)) == len(LARGE)
    assert len(found) > 1
    assert all(found)


def test_a_listing_that_leaves_metadata_out_has_one_page(large: Api) -> None:
    assert [len(page) for page in listed(large, include="vector")] == [len(LARGE)]
    assert [len(page) for page in listed(large, include="")] == [len(LARGE)]


def test_a_lookup_answers_every_id_once_and_in_order_in_pages_that_fit(large: Api) -> None:
    ids = [name for number, one in enumerate(LARGE) for name in (one, f"absent-{number}", one)]
    found = gotten(large, ids)
    assert len(found) > 1
    assert [one["id"] for page in found for one in page["vectors"]] == list(LARGE)
    assert {one["id"]: one["metadata"] for page in found for one in page["vectors"]} == LARGE
    assert [one for page in found for one in page["missing"]] == [f"absent-{n}" for n in range(len(LARGE))]
    [page] = gotten(large, ids, include=["vector"])
    assert len(page["vectors"]) == len(LARGE)


def test_missing_ids_that_do_not_fit_are_paged(ephemeral: Api) -> None:
    ephemeral.create()
    ids = ["\x01" * 900 + str(number) for number in range(1_000)]
    found = gotten(ephemeral, ids)
    assert [one for page in found for one in page["missing"]] == ids
    assert len(found) == 2


@pytest.mark.parametrize(
    "change",
    [{"ids": ["row-01"]}, {"ids": [*LARGE, "more"]}, {"ids": list(LARGE)[::-1]}],
    ids=["fewer", "more", "order"],
)
def test_a_cursor_of_a_lookup_is_valid_for_its_ids_alone(large: Api, change: dict[str, Any]) -> None:
    body = {"ids": list(LARGE)}
    cursor = large.send("POST", "/indexes/t/vectors/get", body).json["next"]
    assert cursor is not None
    other = large.send("POST", "/indexes/t/vectors/get", {**change, "after": cursor})
    assert problem(other) == (422, "cursor-invalid")
    assert problem(large.send("POST", "/indexes/t/vectors/get", {**body, "after": cursor[:-1]})) == (
        422,
        "cursor-invalid",
    )


@both
def test_only_a_vector_that_alone_does_not_fit_is_refused_by_its_id(ephemeral: Api, shards: int) -> None:
    ephemeral.create(shards=shards)
    ephemeral.add(*({"id": f"row-{number:02}", "vector": [1, 0], "metadata": number} for number in range(9)))
    blank = "\n" * 4_000_000
    huge = f'{{"vectors": [{{"id": "huge", "vector": [1, 0], "metadata": [{blank}]}}]}}'
    assert ephemeral.send("POST", "/indexes/t/vectors", huge).status == 200
    answer = ephemeral.send("POST", "/indexes/t/vectors/get", {"ids": ["row-00", "huge"]})
    assert [one["id"] for one in answer.json["vectors"]] == ["row-00"]
    body = {"ids": ["row-00", "huge"], "after": answer.json["next"]}
    refused = ephemeral.send("POST", "/indexes/t/vectors/get", body)
    assert problem(refused) == (413, "answer-too-large")
    assert "'huge'" in refused.json["detail"]
    shown = ephemeral.send("POST", "/indexes/t/vectors/get", {**body, "include": ["vector"]})
    assert [one["id"] for one in shown.json["vectors"]] == ["huge"]
    refused = ephemeral.send("GET", "/indexes/t/vectors", query={"prefix": "huge"})
    assert problem(refused) == (413, "answer-too-large")
    assert len([one for page in listed(ephemeral, prefix="row") for one in page]) == 9


def test_vectors_count_at_the_size_that_is_sent(ephemeral: Api) -> None:
    ephemeral.create(dimension=768)
    drawn = np.random.default_rng(5).standard_normal((600, 768)).astype("<f4")
    rows = [{"id": str(n), "vector": base64.b64encode(row.tobytes()).decode()} for n, row in enumerate(drawn)]
    ephemeral.add(*rows)
    found = listed(ephemeral, limit="1000", include="vector")
    assert {one["id"]: np.array(one["vector"], "<f4").tobytes() for page in found for one in page} == {
        str(n): row.tobytes() for n, row in enumerate(drawn)
    }
    assert len(found) == 2
    ids = [str(n) for n in range(600)]
    assert [one["id"] for page in gotten(ephemeral, ids) for one in page["vectors"]] == ids
