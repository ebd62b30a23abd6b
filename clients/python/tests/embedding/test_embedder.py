"""Calls of an embedder: what goes in and what comes out is checked; an embedder from a function."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from vectord_client.embedding.embedder import FunctionEmbedder, embed_documents, embed_query
from vectord_client.errors import ArgumentInvalid, EmbeddingFailed


def lengths(texts: list[str]) -> list[list[float]]:
    return [[float(len(text)), 1.0] for text in texts]


def test_a_function_gets_prefixed_texts_in_batches() -> None:
    calls: list[list[str]] = []

    def embed(texts: list[str]) -> list[list[float]]:
        calls.append(texts)
        return lengths(texts)

    embedder = FunctionEmbedder("mine", 2, embed, query_prefix="q: ", document_prefix="d: ", batch=2)
    vectors = embed_documents(embedder, ["a", "bb", "ccc"])
    assert (vectors.dtype, vectors.tolist()) == (np.float32, [[4, 1], [5, 1], [6, 1]])
    assert embed_query(embedder, "dddd").tolist() == [7, 1]
    assert calls == [["d: a", "d: bb"], ["d: ccc"], ["q: dddd"]]


def test_a_function_may_yield_its_vectors() -> None:
    def embed(texts: list[str]) -> Iterator[Any]:
        return (np.array(vector) for vector in lengths(texts))

    assert embed_documents(FunctionEmbedder("mine", 2, embed), ["a", "bb"]).tolist() == [[1, 1], [2, 1]]


def test_no_texts_are_no_vectors() -> None:
    assert embed_documents(FunctionEmbedder("mine", 2, lengths), []).shape == (0, 2)


@pytest.mark.parametrize("texts", ["one text", ["a", 5], ["a", None], [b"a"], ["half \ud83d"]])
def test_what_is_not_a_list_of_texts_is_refused_before_the_model_is_called(texts: Any) -> None:
    def embed(_: list[str]) -> Any:
        raise AssertionError("called")

    with pytest.raises(ArgumentInvalid, match=r"^texts"):
        embed_documents(FunctionEmbedder("mine", 2, embed), texts)


@pytest.mark.parametrize("text", [None, 5, ["a"], "\udc00"])
def test_what_is_not_a_text_is_refused_as_a_query(text: Any) -> None:
    with pytest.raises(ArgumentInvalid, match=r"^text "):
        embed_query(FunctionEmbedder("mine", 2, lengths), text)


@pytest.mark.parametrize(
    "returned", [[[1.0]], [[1.0, 2.0, 3.0]], [[1.0, 2.0]] * 2, [1.0, 2.0], [["x", "y"]], [[1.0, 2.0], [1.0]], None]
)
def test_an_answer_of_another_shape_is_refused(returned: Any) -> None:
    embedder = FunctionEmbedder("mine", 2, lambda _: returned)
    with pytest.raises(EmbeddingFailed, match="mine"):
        embed_documents(embedder, ["a"])


def test_an_embedder_of_another_class_is_checked_too() -> None:
    class Wrong:
        name = "wrong"
        dimension = 2

        def documents(self, texts: Any) -> Any:
            return np.zeros((len(texts), 3))

        def query(self, text: str) -> Any:
            return np.zeros((1, 2))

    with pytest.raises(EmbeddingFailed, match=r"\(1, 3\), not \(1, 2\)"):
        embed_documents(Wrong(), ["a"])
    with pytest.raises(EmbeddingFailed, match=r"\(1, 2\), not \(2,\)"):
        embed_query(Wrong(), "a")
