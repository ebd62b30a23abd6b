"""Iterators hide pages."""

from collections.abc import Callable

import msgspec
import pytest

from vectord_client import AsyncClient, Client, errors, gateway_errors
from vectord_client.wire.request import Request, Response


class Paged:
    """A transport that answers listings from pages by their cursor, and notes the cursors."""

    def __init__(self, member: str, pages: dict[str | None, tuple[list[dict[str, object]], str | None]]) -> None:
        self._member, self._pages = member, pages
        self.cursors: list[str | None] = []

    def send(self, request: Request, timeout: float) -> Response:
        cursor = dict(request.query).get("cursor") or msgspec.json.decode(request.body or b"{}").get("after")
        self.cursors.append(cursor)
        items, following = self._pages[cursor]
        body = {self._member: items, "next": following, "missing": []}
        return Response(200, {"content-type": "application/json"}, msgspec.json.encode(body))

    def close(self) -> None:
        """Nothing to release."""


A, B, C = ({"id": vector_id, "metadata": None} for vector_id in "abc")
SHORT_PAGES = {None: ([A], "1"), "1": ([], "2"), "2": ([B, C], "3"), "3": ([], None)}


def test_a_short_or_empty_page_is_not_the_end() -> None:
    paged = Paged("vectors", SHORT_PAGES)
    assert [row.id for row in Client(transport=paged).index("films")] == ["a", "b", "c"]
    assert paged.cursors == [None, "1", "2", "3"]


def test_get_reads_all_pages() -> None:
    paged = Paged("vectors", SHORT_PAGES)
    assert [row.id for row in Client(transport=paged).index("films").get(["a", "b", "c"])] == ["a", "b", "c"]


def test_pages_are_fetched_as_they_are_needed() -> None:
    paged = Paged("vectors", SHORT_PAGES)
    assert next(iter(Client(transport=paged).index("films"))).id == "a"
    assert paged.cursors == [None]


@pytest.mark.parametrize("read", [lambda index: list(index.rows()), lambda index: index.get(["a"])])
def test_a_page_that_leads_to_itself_is_an_error(read: Callable[[object], object]) -> None:
    paged = Paged("vectors", {None: ([A], "1"), "1": ([A], "1")})
    with pytest.raises(gateway_errors.AnswerInvalid, match="leads to the same page"):
        read(Client(transport=paged).index("films"))


IDS = [f"{number:04}" for number in range(2_345)]


@pytest.mark.parametrize("segments", [1, 7, 100])
def test_every_row_is_listed_once(target: str, segments: int) -> None:
    with Client(target) as client:
        films = client.create_index("films", dimension=2)
        films.add(ids=IDS, vectors=[[1, number] for number in range(len(IDS))])
        rows = films.rows(segments=segments, vectors=True, page_size=300)
        assert sorted((row.id, *row.vector) for row in rows) == [(name, 1.0, float(name)) for name in IDS]
        assert len(films.rows(segments=segments).to_list()) == len(IDS)


async def test_every_row_is_listed_once_asynchronously(target: str) -> None:
    async with AsyncClient(target) as client:
        films = await client.create_index("films", dimension=2)
        await films.add(ids=IDS, vectors=[[1, number] for number in range(len(IDS))])
        assert sorted([row.id async for row in films.rows(segments=7)]) == IDS
        assert len(await films.get(IDS)) == len(IDS)
        assert sorted([row.id async for row in films]) == IDS


def test_a_listing_in_segments_can_be_left(target: str) -> None:
    with Client(target) as client:
        films = client.create_index("films", dimension=2)
        films.add(ids=IDS, vectors=[[1, number] for number in range(len(IDS))])
        for _ in films.rows(segments=5, page_size=10):
            break
        assert films.count() == len(IDS)


@pytest.mark.parametrize("option", ["segments", "page_size"])
@pytest.mark.parametrize("value", [0, -1, 1_001, 1.5])
def test_a_listing_refuses_numbers_that_the_api_does_not_accept_by_its_own_names(option: str, value: object) -> None:
    for client in (Client("http://127.0.0.1:9"), AsyncClient("http://127.0.0.1:9")):
        with pytest.raises(errors.ArgumentInvalid, match=rf"^{option} is "):
            client.index("films").rows(**{option: value})  # type: ignore[arg-type]


def test_rows_become_a_table(target: str) -> None:
    with Client(target) as client:
        films = client.create_index("films", dimension=2)
        films.add([("alien", [1, 0], {"year": 1979, "id": 7}), ("heat", [0, 1], None), ("thief", [1, 1], "text")])
        frame = films.rows(vectors=True).to_pandas().set_index("id").sort_index()
        assert [list(vector) for vector in frame["vector"]] == [[1, 0], [0, 1], [1, 1]]
        assert frame.loc["alien", "year"] == 1979
        assert frame.loc["alien", "metadata.id"] == 7
        assert frame.loc["thief", "metadata"] == "text"
        table = films.rows(vectors=True).to_arrow().sort_by("id")
        assert table["vector"].to_pylist() == [[1, 0], [0, 1], [1, 1]]
        assert table["metadata"].to_pylist() == ['{"year":1979,"id":7}', None, '"text"']


def test_a_table_can_be_added_again(target: str) -> None:
    with Client(target) as client:
        films = client.create_index("films", dimension=2)
        films.add([("alien", [1, 0], {"year": 1979}), ("heat", [0, 1], None)])
        copies = client.create_index("copies", dimension=2)
        copies.add(films.rows(vectors=True).to_arrow(), metadata="metadata")
        assert copies["alien"] == films["alien"]
        assert copies["heat"] == films["heat"]


def test_an_empty_index_has_an_empty_table(target: str) -> None:
    with Client(target) as client:
        films = client.create_index("films", dimension=2)
        assert len(films.rows(vectors=True).to_pandas()) == films.rows(vectors=True).to_arrow().num_rows == 0


def test_many_queries_are_answered_in_order(target: str) -> None:
    with Client(target) as client:
        films = client.create_index("films", dimension=2, distance="euclidean")
        films.add(ids=IDS, vectors=[[1, number] for number in range(len(IDS))])
        queries = [[1, number] for number in range(0, len(IDS), 10)]
        found = films.search_many(queries, k=1)
        assert [hits.ids for hits in found] == [[f"{number:04}"] for number in range(0, len(IDS), 10)]


def test_queries_whose_answer_is_too_large_are_divided(target: str) -> None:
    """12 MB of metadata for 100 queries, of which an answer has 6 MB at most."""
    with Client(target) as client:
        films = client.create_index("films", dimension=2, distance="euclidean")
        films.add([(str(number), [1, number], {"text": "x" * 60_000}) for number in range(50)])
        found = films.search_many([[1, number % 50] for number in range(100)], k=2)
        assert [hits.ids[0] for hits in found] == [str(number % 50) for number in range(100)]
