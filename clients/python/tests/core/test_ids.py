"""Ids are a list of text: one text is never read letter by letter, and other values are never converted in silence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from vectord_client import AsyncClient, AsyncIndex, Client, Index, errors
from vectord_client.embedding.embedder import FunctionEmbedder

ROWS = [(letter, [number, 1]) for number, letter in enumerate("abc")]
MODEL = FunctionEmbedder("unit", 2, lambda texts: np.ones((len(texts), 2), np.float32))
SEVERAL: dict[str, Callable[[Any, Any], Any]] = {
    "get": lambda films, ids: films.get(ids),
    "patch": lambda films, ids: films.patch({"seen": True}, ids=ids),
    "delete": lambda films, ids: films.delete(ids=ids),
    "add texts": lambda films, ids: films.add(ids=ids, texts=["x", "y"]),
}
ONE: dict[str, Callable[[Any, Any], Any]] = {
    "one": lambda films, id: films.one(id),
    "has": lambda films, id: films.has(id),
    "vector": lambda films, id: films.vector(id),
    "remove": lambda films, id: films.remove(id),
    "search": lambda films, id: films.search(id=id),
}


@pytest.fixture
def films(tmp_path: Path) -> Index:
    films = Client(tmp_path, embedder=MODEL).create_index("films", dimension=2, embedding=False)
    films.add(ROWS)
    return films


@pytest.fixture
def async_films(films: Index, tmp_path: Path) -> AsyncIndex:
    return AsyncClient(tmp_path, embedder=MODEL).index(films.name)


@pytest.mark.parametrize("call", SEVERAL.values(), ids=SEVERAL)
@pytest.mark.parametrize("ids", ["ab", "a", "", b"ab", bytearray(b"ab"), {"a": 1}, pd.DataFrame({"a": ["b"]}), 7])
def test_what_is_not_a_list_is_refused(films: Index, call: Callable[[Any, Any], Any], ids: object) -> None:
    with pytest.raises(errors.ArgumentInvalid, match=r"^ids is "):
        call(films, ids)
    assert len(films) == 3


@pytest.mark.parametrize("call", SEVERAL.values(), ids=SEVERAL)
@pytest.mark.parametrize("second", [b"a", 7, None, np.int64(7), ["a"]])
def test_a_list_with_another_value_than_text_is_refused(
    films: Index, call: Callable[[Any, Any], Any], second: object
) -> None:
    with pytest.raises(errors.ArgumentInvalid, match=r"^ids\[1\]: "):
        call(films, ["a", second])
    assert len(films) == 3


@pytest.mark.parametrize("call", ONE.values(), ids=ONE)
@pytest.mark.parametrize("value", [b"a", 7, ["a"]])
def test_one_id_that_is_not_text_is_refused(films: Index, call: Callable[[Any, Any], Any], value: object) -> None:
    with pytest.raises(errors.ArgumentInvalid, match="an id must be text"):
        call(films, value)
    assert len(films) == 3


@pytest.mark.parametrize("call", SEVERAL.values(), ids=SEVERAL)
async def test_coroutines_refuse_one_text(async_films: AsyncIndex, call: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(errors.ArgumentInvalid, match=r"^ids is one text; give a list of ids: \['ab'\]"):
        await call(async_films, "ab")


@pytest.mark.parametrize("call", ONE.values(), ids=ONE)
async def test_coroutines_refuse_an_id_that_is_not_text(
    async_films: AsyncIndex, call: Callable[[Any, Any], Any]
) -> None:
    with pytest.raises(errors.ArgumentInvalid, match="an id must be text"):
        await call(async_films, b"a")


def test_texts_that_are_one_text_are_refused(films: Index) -> None:
    with pytest.raises(errors.ArgumentInvalid, match=r"^texts is one text"):
        films.add(ids=["a", "b"], texts="xy")


@pytest.mark.parametrize(
    "ids",
    [
        ["b", "x", "a"],
        ("b", "a"),
        iter(["b", "a"]),
        dict.fromkeys("ba").keys(),
        np.array(["b", "a"]),
        [np.str_("b"), "a"],
        pd.Series(["b", "a"]),
        pl.Series(["b", "a"]),
        pa.array(["b", "a"]),
        pa.chunked_array([["b"], ["a"]]),
    ],
    ids=lambda ids: type(ids).__name__,
)
def test_lists_arrays_and_columns_of_text_are_ids(films: Index, ids: Any) -> None:
    assert [row.id for row in films.get(ids)] == ["b", "a"]


def test_metadata_that_is_one_text_is_refused(films: Index) -> None:
    with pytest.raises(errors.ArgumentInvalid, match=r"^metadata is one text; give a list"):
        films.add(ids=["a", "b"], vectors=[[1, 1], [1, 2]], metadata="xy")


def test_a_prefix_that_is_not_text_is_refused(films: Index, tmp_path: Path) -> None:
    with pytest.raises(errors.ArgumentInvalid, match=r"^prefix is b'a'"):
        list(films.rows(prefix=b"a"))  # type: ignore[arg-type]
    with pytest.raises(errors.ArgumentInvalid, match=r"^prefix is b'f'"):
        list(Client(tmp_path).indexes(b"f"))  # type: ignore[arg-type]


def test_an_empty_state_is_not_the_present_one(films: Index) -> None:
    for read in (
        lambda: films.search([1, 1], as_of=""),
        lambda: films.search_many([[1, 1]], as_of=""),
        lambda: films.at("").info(),
        lambda: films.at("").search([1, 1]),
    ):
        with pytest.raises(errors.RequestInvalid, match="as_of must be"):
            read()
    with pytest.raises(errors.ArgumentInvalid, match="as_of is None"):
        films.at(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("query", [{}, {"vector": [1, 1], "id": "a"}, {"id": "a", "text": "x"}])
def test_a_search_has_one_query(films: Index, query: dict[str, Any]) -> None:
    with pytest.raises(errors.ArgumentInvalid, match="exactly one of vector, id and text"):
        films.search(**query)


def test_no_ids_are_no_vectors(films: Index) -> None:
    assert films.get([]) == []
