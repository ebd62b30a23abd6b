"""Pages of QueryVectors: ascending, without duplicates, and of the state that the first page used."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from tests.support import datasets
from tests.support.api import Api
from tests.support.vector_index import NATIVE, VectorIndex, a_vector, keys_of, refusal
from vectord.edge import handler
from vectord.index.sections import graph

_ROWS = np.random.default_rng(1).integers(-9, 10, (300, 2)).astype(float)  # many ties
_QUERY = [0.5, 0.5]


@pytest.fixture
def small_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pages short: an answer may have 20,000 bytes, of which 12,096 are reserved."""
    for module in ("vectord.edge.vectors", "vectord.edge.events.fan_out", "vectord.edge.s3vectors.vectors"):
        import_module(module)  # they copy the value when they are imported, which must not be this one
    monkeypatch.setattr(handler, "MAX_ANSWER", 20_000)


@pytest.fixture
def filled(plots_with_versions: VectorIndex) -> VectorIndex:
    plots_with_versions.put_rows(_ROWS.tolist(), text="x" * 100)
    return plots_with_versions


def _nearest() -> list[str]:
    """Return the keys in the order of their distances, ties by key."""
    squares = ((_ROWS - _QUERY) ** 2).sum(axis=1).tolist()
    return [f"v{row}" for _, _, row in sorted((square, f"v{row}", row) for row, square in enumerate(squares))]


def _pages(index: VectorIndex, top_k: int, **more: Any) -> list[Any]:
    returned = {"returnMetadata": True, "returnDistance": True} | more
    return index.pages("query_vectors", topK=top_k, queryVector={"float32": _QUERY}, **returned)


def _first_page(index: VectorIndex, top_k: int = 300) -> Any:
    return index.query(_QUERY, top_k, returnMetadata=True, returnDistance=True)


def _rest(index: VectorIndex, page: Any, top_k: int = 300) -> list[Any]:
    """Return the pages after `page`."""
    pages = []
    while "nextToken" in page:
        page = index.query(_QUERY, top_k, nextToken=page["nextToken"], returnMetadata=True, returnDistance=True)
        pages.append(page)
    return pages


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("top_k", [1, 10, 29, 30, 31, 100, 299, 300, 301, 10_000])
@pytest.mark.slow
def test_pages_concatenated_are_the_whole_answer(plots: VectorIndex, top_k: int) -> None:
    plots.put_rows(_ROWS.tolist(), text="x" * 100)
    pages = _pages(plots, top_k)
    found = [one for page in pages for one in page["vectors"]]
    assert [one["key"] for one in found] == _nearest()[:top_k]
    assert [one["distance"] for one in found] == sorted(one["distance"] for one in found)
    assert all(page["distanceMetric"] == "euclidean" for page in pages)
    assert (len(pages) > 1) == (top_k > 60)


@pytest.mark.parametrize("most", [12_800, 13_000, 14_000, 20_000, 40_000, 200_000])
@pytest.mark.slow
def test_pages_of_any_size_are_the_whole_answer(plots: VectorIndex, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    plots.put_rows(_ROWS.tolist(), text='"é' * 50)
    whole = plots.query(_QUERY, 300, returnMetadata=True, returnDistance=True)
    assert "nextToken" not in whole
    monkeypatch.setattr(handler, "MAX_ANSWER", most)
    assert [one for page in _pages(plots, 300) for one in page["vectors"]] == whole["vectors"]


@pytest.mark.usefixtures("small_answers")
def test_pages_with_a_filter_have_every_vector_that_satisfies_it(plots: VectorIndex) -> None:
    plots.put_rows(_ROWS.tolist(), text="x" * 100)
    plots.put(*(a_vector(f"v{row}", _ROWS[row].tolist(), text="x" * 100, third=True) for row in range(0, 300, 3)))
    chosen = [key for key in _nearest() if int(key[1:]) % 3 == 0]
    pages = _pages(plots, 90, filter={"third": True})
    assert (keys_of(pages), len(pages) > 1) == (chosen[:90], True)


@pytest.mark.slow
@pytest.mark.usefixtures("small_answers")
def test_a_query_of_several_pages_is_exact(ephemeral: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "_CHEAP_SCAN_COMPONENTS", 1)
    rows, query = datasets.decaying(4_000, 256, 1, 1.3), datasets.decaying(1, 256, 9, 1.3)[0]
    index = VectorIndex(ephemeral, dimension=256)
    index.add_natively(rows, text="x" * 1_500)
    nearest = [f"v{row}" for row in np.argsort(((rows.astype(float) - query) ** 2).sum(axis=1))[:10]]
    one_page = index.query(query.tolist(), 10)
    assert "nextToken" not in one_page
    assert keys_of([one_page]) != nearest  # the forest missed some
    pages = index.pages("query_vectors", topK=10, queryVector={"float32": query.tolist()}, returnMetadata=True)
    assert (keys_of(pages), len(pages)) == (nearest, 2)


def _put_nearest(index: VectorIndex) -> None:
    index.put(*(a_vector(f"new{number}", [0.5, 0.5]) for number in range(50)))


def _delete_everything(index: VectorIndex) -> None:
    index.client.delete_vectors(**index.names, keys=[f"v{row}" for row in range(300)])


def _move_everything(index: VectorIndex) -> None:
    index.put_rows((-_ROWS).tolist())


def _delete_by_filter(index: VectorIndex) -> None:
    body = {"filter": {"text": {"$exists": True}}, "all": False}
    assert index.api.send("POST", f"/indexes/{NATIVE}/vectors/delete", body).status == 200


def _add_natively(index: VectorIndex) -> None:
    index.add_natively(np.full((300, 2), 0.5), moved=True)


def _restore_an_earlier_version(index: VectorIndex) -> None:
    versions = index.api.send("GET", f"/indexes/{NATIVE}/versions").json["versions"]
    restored = index.api.send("POST", f"/indexes/{NATIVE}/restore", {"as_of": versions[-1]["version"]})
    assert restored.status == 200, restored.text
    assert index.found() == []


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize(
    "change",
    [
        _put_nearest,
        _delete_everything,
        _move_everything,
        _delete_by_filter,
        _add_natively,
        _restore_an_earlier_version,
    ],
)
@pytest.mark.slow
def test_changes_between_pages_do_not_alter_them(filled: VectorIndex, change: Callable[[VectorIndex], None]) -> None:
    first = _first_page(filled)
    change(filled)
    assert keys_of([first, *_rest(filled, first)]) == _nearest()


@pytest.mark.slow
@pytest.mark.usefixtures("small_answers")
def test_a_change_between_any_two_pages_does_not_alter_them(filled: VectorIndex) -> None:
    page, found = _first_page(filled), list[str]()
    while True:
        found += keys_of([page])
        _put_nearest(filled)
        if "nextToken" not in page:
            break
        page = filled.query(_QUERY, 300, nextToken=page["nextToken"], returnMetadata=True)
    assert found == _nearest()


@pytest.mark.usefixtures("small_answers")
def test_a_state_that_no_longer_exists_says_to_start_again(api: Api) -> None:
    index = VectorIndex(api)  # a store without versions
    index.put_rows(_ROWS.tolist(), text="x" * 100)
    token = _first_page(index)["nextToken"]
    index.put(a_vector("new", [0, 0]))
    again = {"nextToken": token, "returnMetadata": True}
    if index.api.send("GET", f"/indexes/{NATIVE}/versions").json["versions"][1:]:
        assert index.query(_QUERY, 300, **again)["vectors"]
        return
    refused = refusal(index.query, _QUERY, 300, **again)
    assert (refused["Code"], "Start again" in refused["Message"]) == ("ValidationException", True)


@pytest.mark.usefixtures("small_answers")
def test_pages_end_when_the_index_is_deleted(filled: VectorIndex) -> None:
    first = _first_page(filled)
    filled.client.delete_index(**filled.names)
    assert refusal(_rest, filled, first)["Code"] == "NotFoundException"


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize(
    "other",
    [
        {"topK": 299},
        {"queryVector": {"float32": [0.5, 0.25]}},
        {"filter": {"text": {"$exists": True}}},
        {"indexName": "other-index"},
    ],
)
def test_a_token_continues_only_its_own_query(plots: VectorIndex, other: Any) -> None:
    plots.put_rows(_ROWS.tolist(), text="x" * 100)
    parameters = {"dataType": "float32", "dimension": 2, "distanceMetric": "euclidean"}
    plots.client.create_index(**plots.names | {"indexName": "other-index"}, **parameters)
    request = {**plots.names, "topK": 300, "queryVector": {"float32": _QUERY}, "returnMetadata": True}
    token = plots.client.query_vectors(**request)["nextToken"]
    assert plots.client.query_vectors(**request, nextToken=token)["vectors"]
    refused = refusal(plots.client.query_vectors, **request | other, nextToken=token)
    assert (refused["Code"], "nextToken" in refused["Message"]) == ("ValidationException", True)


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token[1:],
        lambda token: token.swapcase(),
        lambda token: "",
        lambda token: "é" + token,
        lambda token: "x" * 4_097,
        lambda token: "AAAA",
    ],
)
def test_a_changed_token_is_refused(plots: VectorIndex, change: Callable[[str], str]) -> None:
    plots.put_rows(_ROWS.tolist(), text="x" * 100)
    token = _first_page(plots)["nextToken"]
    assert refusal(plots.query, _QUERY, 300, nextToken=change(token))["Code"] == "ValidationException"


@pytest.mark.parametrize("character", ["k", "é", "鯨", "🎬", "\x01", '"'])
def test_the_token_after_the_longest_key_fits(
    plots: VectorIndex, character: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = character * (1_024 // len(character.encode()) - 1)
    plots.put(*(a_vector(longest + last, [1, 0], text="x" * 6_000) for last in "abc"))
    monkeypatch.setattr(handler, "MAX_ANSWER", 26_000)
    pages = plots.pages("query_vectors", topK=3, queryVector={"float32": _QUERY}, returnMetadata=True)
    assert [keys_of([page]) for page in pages] == [[longest + last] for last in "abc"]
    assert all(len(page["nextToken"]) <= 4_096 for page in pages[:-1])


@pytest.mark.slow
def test_ten_thousand_matches_with_large_metadata_need_several_pages(ephemeral: Api) -> None:
    index = VectorIndex(ephemeral)
    for start in range(0, 400, 100):
        index.put(*(a_vector(f"v{number}", [number, 0], text="x" * 40_000) for number in range(start, start + 100)))
    pages = _pages(index, 10_000)
    assert keys_of(pages) == [f"v{number}" for number in range(400)]
    assert all(140 < len(page["vectors"]) < 160 for page in pages[:-1])  # of 40 KB, in 6 MB


@pytest.mark.slow
def test_ten_thousand_matches_without_metadata_are_one_page(ephemeral: Api) -> None:
    index = VectorIndex(ephemeral)
    index.add_natively(np.array([[number, 0] for number in range(10_500)]))
    found = index.query([-1, 0], 10_000, returnDistance=True)
    assert [one["key"] for one in found["vectors"]] == [f"v{number}" for number in range(10_000)]
    assert "nextToken" not in found


def test_one_match_that_does_not_fit_is_refused_with_its_key(plots: VectorIndex) -> None:
    plots.api.add({"id": "quoted", "vector": [1, 0], "metadata": {"text": '"' * 2_000_000}}, name=NATIVE)
    refused = refusal(plots.query, [1, 0], returnMetadata=True)
    assert (refused["Code"], "quoted" in refused["Message"]) == ("ValidationException", True)
    assert plots.query([1, 0])["vectors"] == [{"key": "quoted"}]
