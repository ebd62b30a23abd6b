"""Pages of a search over HTTP: together they are the whole answer, for one object and for shards."""

import base64
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.support.api import Answer, Api
from vectord.edge import pagination
from vectord.edge.handler import MAX_ANSWER

both = pytest.mark.parametrize("shards", [1, 3], ids=["one object", "three shards"])
VECTORS = np.random.default_rng(1).integers(-3, 4, (100, 2)).astype(float) + 0.5  # many ties


def _items(vectors: Any, name: str = "row") -> list[dict[str, Any]]:
    return [
        {"id": f"{name}-{row:03}", "vector": vector.tolist(), "metadata": {"even": row % 2 == 0}}
        for row, vector in enumerate(vectors)
    ]


@pytest.fixture
def filled(ephemeral: Api, shards: int) -> Api:
    ephemeral.create(distance="euclidean", shards=shards)
    ephemeral.add(*_items(VECTORS))
    return ephemeral


def _search(api: Api, **body: Any) -> Answer:
    return api.send("POST", "/indexes/t/search", body)


def _pages(api: Api, **body: Any) -> Iterator[list[str]]:
    while True:
        answer = _search(api, **body)
        assert answer.status == 200, answer.text
        yield [match["id"] for match in answer.json["matches"]]
        if answer.json["next"] is None:
            return
        body["after"] = answer.json["next"]


def _in_order(query: list[float]) -> list[str]:
    distances = np.linalg.norm(VECTORS - query, axis=1).tolist()
    return [f"row-{row:03}" for _, row in sorted(zip(distances, range(100), strict=True))]


@both
@pytest.mark.parametrize("k", [1, 7, 10, 100])
def test_pages_are_the_whole_answer_and_the_last_has_no_next(filled: Api, k: int) -> None:
    found = list(_pages(filled, vector=[0.5, 0.5], k=k))
    assert [one for page in found for one in page] == _in_order([0.5, 0.5])
    assert len(found) == -(-100 // k)


@both
def test_nearer_rows_that_were_added_meanwhile_do_not_shorten_a_page(filled: Api) -> None:
    pages = _pages(filled, vector=[0.5, 0.25], k=10)
    found = next(pages)
    filled.add(*_items(np.tile([0.5, 0.25], (10, 1)), "nearer"))
    second = next(pages)
    assert len(second) == 10
    assert [*found, *second, *(one for page in pages for one in page)] == _in_order([0.5, 0.25])


@both
def test_rows_that_were_deleted_meanwhile_do_not_shorten_a_page(filled: Api) -> None:
    expected, pages = _in_order([0.5, 0.25]), _pages(filled, vector=[0.5, 0.25], k=10)
    found = next(pages)
    filled.send("POST", "/indexes/t/vectors/delete", {"ids": [*expected[5:10], *expected[20:25]]})
    rest = [one for page in pages for one in page]
    assert found + rest == expected[:20] + expected[25:]


@both
@pytest.mark.parametrize(
    "more",
    [
        {"filter": {"even": True}},
        {"max_distance": 2.5},
        {"filter": {"even": False}, "max_distance": 3},
        {"consistency": "eventual"},
    ],
    ids=str,
)
def test_pages_contain_the_eligible_rows(filled: Api, more: dict[str, Any]) -> None:
    expected = next(_pages(filled, vector=[0.5, 0.25], k=1_000, **more))
    found = list(_pages(filled, vector=[0.5, 0.25], k=7, **more))
    assert [one for page in found for one in page] == expected
    assert len(found) == -(-len(expected) // 7)


@both
def test_pages_of_a_search_by_id_leave_out_that_vector(filled: Api) -> None:
    found = [one for page in _pages(filled, id="row-042", k=10) for one in page]
    assert sorted(found) == [f"row-{row:03}" for row in range(100) if row != 42]


@both
def test_the_number_of_eligible_vectors_is_the_same_on_every_page(filled: Api) -> None:
    first = _search(filled, vector=[1, 0], k=60, filter={"even": True}, ef_search=1).json
    second = (
        _search(filled, vector=[1, 0], k=20, filter={"even": True}, ef_search=1, after=first["next"]).json
        if first["next"]
        else first
    )
    assert first["eligible"] == second["eligible"] == 50


@both
def test_a_cursor_belongs_to_equal_filters_in_any_notation(filled: Api) -> None:
    def search(vector: str, filter_: str, after: str = "null") -> Answer:
        text = f'{{"vector": {vector}, "k": 2, "filter": {filter_}, "after": {after}}}'
        return filled.send("POST", "/indexes/t/search", text)

    after = msgspec.json.encode(
        search("[1, 0]", '{"even": true, "x": {"$exists": false, "$ne": 1}}').json["next"]
    ).decode()
    same = '{"x":{"$ne":1.0,"$exists":false},"\\u0065ven":true}'
    assert search("[1.0, 0]", same, after).status == 200
    for other in ('{"even": true}', '{"even": true, "x": {"$exists": false, "$ne": 2}}', '{"x": 1e999}'):
        answer = search("[1, 0]", other, after)
        assert (answer.status, answer.json["type"]) == (422, "urn:vectord:problem:cursor-invalid")


class _EarlierPosition(msgspec.Struct, array_like=True):
    """The fields that cursors of searches had before."""

    distance: float = 0.5
    id: str = "row-001"
    depth: int = 10


class _OddPosition(msgspec.Struct, array_like=True):
    after: tuple[float, str] = (float("nan"), "a")


@both
@pytest.mark.parametrize("position", [_EarlierPosition(), _OddPosition(), _OddPosition((-1.0, "a"))])
def test_a_cursor_with_other_fields_is_refused(filled: Api, position: msgspec.Struct) -> None:
    request = "search", "t", [1.0, 0.0], None, None, None, None
    answer = _search(filled, vector=[1, 0], after=pagination.encode_cursor(request, position))
    assert (answer.status, answer.json["type"]) == (422, "urn:vectord:problem:cursor-invalid")


@both
@pytest.mark.slow
def test_pages_end_where_the_answer_would_be_too_large(ephemeral: Api, shards: int) -> None:
    ephemeral.create(shards=shards)
    text = 'say "hi"\n' * 40_000
    rows = [{"id": f"{row:02}", "vector": [1, row / 10], "metadata": text} for row in range(18)]
    for start in (0, 9):
        assert ephemeral.add(*rows[start : start + 9]).status == 200
    found = list(_pages(ephemeral, vector=[1, 0], k=15))
    assert [one for page in found for one in page] == [f"{row:02}" for row in range(18)]
    assert max(map(len, found)) < 15
    assert len(_search(ephemeral, vector=[1, 0], k=15).text) > MAX_ANSWER / 3
    assert [len(page) for page in _pages(ephemeral, vector=[1, 0], k=15, include=[])] == [15, 3]


@both
def test_several_queries_have_no_pages_that_could_end_earlier(ephemeral: Api, shards: int) -> None:
    ephemeral.create(shards=shards)
    for half in (range(10), range(10, 20)):
        rows = [{"id": f"{row:02}", "vector": [1, row / 10], "metadata": "x" * 400_000} for row in half]
        assert ephemeral.add(*rows).status == 200
    answer = _search(ephemeral, vectors=[[1, 0]], k=20)
    assert (answer.status, answer.json["type"]) == (413, "urn:vectord:problem:answer-too-large")


@both
def test_a_single_match_that_is_too_large_is_refused(ephemeral: Api, shards: int) -> None:
    ephemeral.create(shards=shards)
    blank = "\n" * 4_000_000
    ephemeral.send(
        "POST", "/indexes/t/vectors", f'{{"vectors": [{{"id": "a", "vector": [1, 0], "metadata": [{blank}]}}]}}'
    )
    answer = _search(ephemeral, vector=[1, 0])
    assert (answer.status, answer.json["type"]) == (413, "urn:vectord:problem:answer-too-large")
    assert "'metadata'" in answer.json["detail"]


def test_pages_as_of_an_earlier_state_are_of_that_state(ephemeral: Api) -> None:
    ephemeral.create(distance="euclidean")
    etag = ephemeral.add(*_items(VECTORS)).etag
    ephemeral.send("POST", "/indexes/t/vectors/delete", {"filter": {"even": True}})
    found = [one for page in _pages(ephemeral, vector=[0.5, 0.5], k=30, as_of=etag) for one in page]
    assert found == _in_order([0.5, 0.5])


def test_a_cursor_is_short(ephemeral: Api) -> None:
    ephemeral.create(distance="euclidean")
    ephemeral.add(*_items(VECTORS))
    cursor = _search(ephemeral, vector=[1, 0], k=50).json["next"]
    assert len(base64.urlsafe_b64decode(cursor + "===")) < 40
