"""The LlamaIndex store and its index: which one it opens and creates, and what it refuses."""

import pickle
from collections.abc import AsyncIterator
from typing import Any

import pytest
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores import (
    VectorStoreQuery,
)
from tests.integrations.llamaindex_nodes import FILMS, query

from vectord_client.errors import EmbedderMismatch, UsageError
from vectord_client.integrations.access import DimensionMismatch
from vectord_client.integrations.llamaindex import VectordVectorStore
from vectord_client.integrations.models import ModelNotCompared
from vectord_client.values import Embedding


@pytest.fixture
async def store(target: str, name: str) -> AsyncIterator[VectordVectorStore]:
    store = VectordVectorStore(name, target=target)
    yield store
    await store.aclose()
    store.close()


def test_a_store_without_an_index_is_empty(store: VectordVectorStore) -> None:
    assert store.query(query()).ids == []
    assert store.get_nodes() == store.get_nodes(["a"]) == []
    assert store.add([]) == []
    store.delete("none")
    store.delete_nodes(["none"])
    store.clear()


def test_a_store_can_be_pickled_and_serialized(store: VectordVectorStore) -> None:
    store.add(FILMS)
    for copy in (pickle.loads(pickle.dumps(store)), VectordVectorStore.from_dict(store.to_dict())):
        assert copy.query(query(0, k=1)).ids == ["alien"]
        copy.close()


def test_a_stated_model_is_compared_and_recorded(target: str, name: str) -> None:
    store = VectordVectorStore(name, target=target, embedding_model="first")
    store.add(FILMS)
    assert store.client.index(name).info().parameters.embedding == Embedding("first")
    other = VectordVectorStore.from_dict({**store.to_dict(), "embedding_model": "second"})
    with pytest.raises(EmbedderMismatch, match="'first', not by 'second'"):
        other.get_nodes()
    unnamed = VectordVectorStore(name, target=target)
    with pytest.warns(ModelNotCompared, match="embedding_model='first'"):
        unnamed.query(query())
    for each in (store, other, unnamed):
        each.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"index_name": "a/b"}, "'a/b' is not the name of an index"),
        ({"distance": "dot"}, "distance is 'dot'"),
        ({"embedding_model": ""}, "embedding_model is ''"),
    ],
)
def test_a_store_that_no_index_can_suit_is_refused_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        VectordVectorStore(**{"target": "http://127.0.0.1:1", **options})


def test_mistakes_are_refused(store: VectordVectorStore) -> None:
    store.add(FILMS)
    with pytest.raises(DimensionMismatch, match=r"3 dimensions.* has 2"):
        store.add([TextNode(text="x", embedding=[1, 0, 0])])
    with pytest.raises(DimensionMismatch, match="1 dimensions"):
        store.query(VectorStoreQuery(query_embedding=[1.0]))
    with pytest.raises(ValueError, match="embedding"):
        store.add([TextNode(text="x")])
    with pytest.raises(ValueError, match="query_embedding"):
        store.query(VectorStoreQuery(query_str="space"))
    with pytest.raises(ValueError, match="metadata of node 'x'"):
        store.add([TextNode(id_="x", text="x", embedding=[1, 0], metadata={"n": float("inf")})])
