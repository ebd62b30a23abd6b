"""The LangChain store beyond its outside suite: what users do with it."""

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.indexing import InMemoryRecordManager, aindex, index
from tests.integrations.langchain_models import MODEL, Angles, embedder

from vectord_client.errors import UsageError
from vectord_client.integrations.langchain import VectordVectorStore
from vectord_client.integrations.langchain_embeddings import VectordEmbeddings


@pytest.fixture
def store(target: str, name: str) -> Iterator[VectordVectorStore]:
    store = VectordVectorStore(MODEL, name, target=target)
    yield store
    store.close()


def test_a_search_with_a_filter_sees_only_such_documents(store: VectordVectorStore) -> None:
    store.add_texts(["a", "b", "c"], [{"n": 1}, {"n": 2}, {"n": 3}])
    assert {document.page_content for document in store.similarity_search("a", filter={"n": {"$gte": 2}})} == {"b", "c"}
    either = {"$or": [{"n": 1}, {"n": 3}]}
    assert {document.metadata["n"] for document in store.similarity_search("b", filter=either)} == {1, 3}
    assert [document.metadata["n"] for document in store.similarity_search("b", 4, {"n": 3})] == [3]


def test_metadata_comes_back_as_json(store: VectordVectorStore) -> None:
    metadata: dict[str, Any] = {
        "none": None,
        "day": date(1979, 5, 25),
        "by": {"name": "Scott", "born": 1937},
        "tags": ("horror", "scifi"),
        "dotted.key": 1,
        "$price": 2.5,
        "text": "own text",
        "metadata": {"id": 1},
        "": True,
    }
    (id,) = store.add_texts(["alien"], [metadata])
    (document,) = store.get_by_ids([id])
    expected = {**metadata, "day": "1979-05-25", "tags": ["horror", "scifi"]}
    assert document == Document(id=id, page_content="alien", metadata=expected)
    for filter in (
        {"none": None},
        {"by.name": "Scott"},
        {"dotted.key": 1},
        {"\\$price": {"$gt": 2}},
        {"tags": "horror"},
    ):
        assert store.similarity_search("alien", filter=filter) == [document]


def test_ids_may_be_any_text(store: VectordVectorStore) -> None:
    ids = ["a/b", "?", "100 %", "", "é\n", "../x"]
    returned = store.add_texts(map(str, range(len(ids))), ids=ids)
    assert [given or made for given, made in zip(ids, returned, strict=True)] == returned
    assert [document.id for document in store.get_by_ids(returned)] == returned
    store.delete(returned[:-1])
    assert [document.id for document in store.similarity_search("0")] == ["../x"]


def test_all_documents_can_be_deleted(store: VectordVectorStore) -> None:
    store.add_texts(["a", "b"], [{"n": 1}, {"n": 2}])
    store.delete(filter={"n": 1})
    assert [document.page_content for document in store.similarity_search("a")] == ["b"]
    store.delete()
    assert store.similarity_search("a") == []


def test_many_texts_are_added_in_batches(store: VectordVectorStore) -> None:
    texts = [f"{number} {'x' * 7_000}" for number in range(1_200)]
    ids = store.add_texts(texts, batch_size=1_000)
    assert len(store.client.index(store.index_name)) == len(set(ids)) == 1_200


def test_a_search_returns_k_documents_even_if_they_do_not_fit_into_one_answer(store: VectordVectorStore) -> None:
    store.add_texts([f"{number} {'x' * 30_000}" for number in range(300)])
    assert len({document.id for document in store.similarity_search("0", k=290)}) == 290


def test_mmr_prefers_documents_that_differ(target: str, name: str) -> None:
    store = VectordVectorStore.from_texts(["0", "1", "2", "80"], Angles(), target=target, index_name=name)
    assert [found.page_content for found in store.similarity_search("0", k=2)] == ["0", "1"]
    assert [found.page_content for found in store.max_marginal_relevance_search("0", k=2, lambda_mult=0.1)] == [
        "0",
        "80",
    ]
    assert len(store.max_marginal_relevance_search("0", k=3, fetch_k=1)) == 3
    assert store.max_marginal_relevance_search("0", k=0) == []
    store.close()


@pytest.mark.parametrize(("distance", "scores"), [("cosine", [1.0, 0.5, 0.0]), ("euclidean", [1.0, 0.5, 1 / 3])])
def test_relevance_is_between_0_and_1(target: str, name: str, distance: Any, scores: list[float]) -> None:
    store = VectordVectorStore(Angles(), name, target=target, distance=distance)
    store.add_texts(["0", "60", "180"])
    again = VectordVectorStore(Angles(), name, target=target)  # reads the distance of the index
    found = again.similarity_search_with_relevance_scores("0", k=3)
    assert [score for _, score in found] == pytest.approx(scores, abs=1e-6)
    close = again.similarity_search_with_relevance_scores("0", k=3, score_threshold=0.4)
    assert [document.page_content for document, _ in close] == ["0", "60"]
    store.close()
    again.close()


def test_a_relevance_function_can_be_given(target: str, name: str) -> None:
    store = VectordVectorStore(Angles(), name, target=target, relevance_score_fn=lambda distance: 1 - distance / 2)
    store.add_texts(["180"])
    assert store.similarity_search_with_relevance_scores("0")[0][1] == pytest.approx(0.0, abs=1e-6)
    store.close()


def test_retrievers_search(store: VectordVectorStore) -> None:
    store.add_texts(["a", "b", "c"], [{"n": 1}, {"n": 2}, {"n": 3}])
    retriever = store.as_retriever(search_kwargs={"k": 1, "filter": {"n": {"$ne": 2}}, "recall": 1.0})
    assert [found.page_content for found in retriever.invoke("c")] == ["c"]
    diverse = store.as_retriever(search_type="mmr", search_kwargs={"k": 2, "fetch_k": 3})
    assert diverse.invoke("b")[0].page_content == "b"
    threshold = store.as_retriever(search_type="similarity_score_threshold", search_kwargs={"score_threshold": 0.99})
    assert [found.page_content for found in threshold.invoke("a")] == ["a"]


def test_the_indexing_api_adds_changed_documents_only(store: VectordVectorStore) -> None:
    manager = InMemoryRecordManager(namespace="films")
    manager.create_schema()
    documents = [Document(page_content=text, metadata={"source": text}) for text in ("a", "b")]
    options: dict[str, Any] = {"cleanup": "full", "source_id_key": "source", "key_encoder": "sha256"}
    assert index(documents, manager, store, **options)["num_added"] == 2
    assert index(documents[1:], manager, store, **options) == {
        "num_added": 0,
        "num_updated": 0,
        "num_skipped": 1,
        "num_deleted": 1,
    }
    assert [found.page_content for found in store.similarity_search("a")] == ["b"]


async def test_the_async_indexing_api_works(store: VectordVectorStore) -> None:
    manager = InMemoryRecordManager(namespace="films")
    await manager.acreate_schema()
    documents = [Document(page_content=text, metadata={"source": text}) for text in ("a", "b")]
    options: dict[str, Any] = {"cleanup": "full", "source_id_key": "source", "key_encoder": "sha256"}
    assert (await aindex(documents, manager, store, **options))["num_added"] == 2
    assert (await aindex(documents[:1], manager, store, **options))["num_deleted"] == 1
    assert [found.page_content for found in await store.asimilarity_search("a")] == ["a"]
    await store.aclose()


def test_mistakes_of_the_caller_are_refused(store: VectordVectorStore) -> None:
    with pytest.raises(ValueError, match="2 texts and 1 metadatas"):
        store.add_texts(["a", "b"], [{}])
    with pytest.raises(ValueError, match="1 texts and 2 ids"):
        store.add_texts(["a"], ids=["1", "2"])
    with pytest.raises(TypeError, match="colour"):
        store.add_texts(["a"], colour="red")
    with pytest.raises(ValueError, match=r"metadatas\[1\]"):
        store.add_texts(["a", "b"], [{}, {"n": float("nan")}])
    with pytest.raises(ValueError, match="not by both"):
        store.delete(["1"], filter={"n": 1})
    store.add_texts(["a"])
    with pytest.raises(TypeError, match="recal"):
        store.similarity_search("a", recal=1.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.delete("ab"),
        lambda store: store.delete(""),
        lambda store: store.get_by_ids("ab"),
        lambda store: store.get_by_ids(""),
        lambda store: store.add_texts(["x", "y"], ids="ab"),
        lambda store: asyncio.run(store.adelete("ab")),
        lambda store: asyncio.run(store.aget_by_ids("ab")),
    ],
)
def test_one_text_is_not_a_list_of_ids(tmp_path: Path, call: Any) -> None:
    store = VectordVectorStore(MODEL, "films", target=tmp_path)
    store.add_texts(["a", "b"], ids=["a", "b"])
    with pytest.raises(UsageError, match=r"^ids is one text; give a list"):
        call(store)
    assert [document.id for document in store.get_by_ids(["a", "b"])] == ["a", "b"]


def test_one_text_is_not_a_list_of_texts(store: VectordVectorStore) -> None:
    with pytest.raises(UsageError, match=r"^texts is one text; give a list"):
        store.add_texts("ab")
    with pytest.raises(UsageError, match=r"^metadatas is one text; give a list"):
        store.add_texts(["a", "b"], "xy")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^texts\[1\] must be a text, not NoneType"):
        store.add_texts(["a", None])  # type: ignore[list-item]
    with pytest.raises(UsageError, match=r"^ids\[1\]: the id is 7"):
        store.add_texts(["a", "b"], ids=["a", 7])  # type: ignore[list-item]


def test_rows_of_other_programs_are_documents(store: VectordVectorStore) -> None:
    store.add_texts(["a"], ids=["own"])
    vector = MODEL.embed_query("b")
    store.client.index(store.index_name).add([("flat", vector, {"text": "b", "n": 1}), ("bare", vector)])
    assert store.get_by_ids(["flat", "bare"]) == [
        Document(id="flat", page_content="b", metadata={"text": "b", "n": 1}),
        Document(id="bare", page_content="", metadata={}),
    ]


async def test_async_calls_do_what_sync_calls_do(target: str, name: str) -> None:
    store = await VectordVectorStore.afrom_texts(
        ["a", "b", "c"], MODEL, [{"n": 1}, {"n": 2}, {"n": 3}], ids=["1", "2", "3"], target=target, index_name=name
    )
    few = {"n": {"$lt": 3}}
    vector = MODEL.embed_query("a")
    found = await store.asimilarity_search("a", k=2, filter=few)
    assert found == await store.asimilarity_search_by_vector(vector, 2, filter=few)
    scored = await store.asimilarity_search_with_score("a", k=2, filter=few)
    assert scored == await store.asimilarity_search_with_score_by_vector(vector, 2, filter=few)
    assert scored == store.similarity_search_with_score("a", k=2, filter=few)
    assert (await store.asimilarity_search_with_relevance_scores("a", k=1))[0][1] == pytest.approx(1.0)
    diverse = await store.amax_marginal_relevance_search("a", k=2)
    assert diverse == await store.amax_marginal_relevance_search_by_vector(vector, k=2)
    assert diverse == store.max_marginal_relevance_search("a", k=2)
    assert await store.aget_by_ids(["2", "none"]) == store.get_by_ids(["2"])
    assert await store.as_retriever(search_kwargs={"k": 1}).ainvoke("b") == store.get_by_ids(["2"])
    await store.adelete(filter={"n": 1})
    await store.adelete(["2"])
    assert [found.id for found in await store.asimilarity_search("a")] == ["3"]
    await store.aclose()
    store.close()


@pytest.mark.parametrize("model", [MODEL, VectordEmbeddings(embedder("counts"))])
def test_an_empty_text_is_a_document_and_a_query(target: str, name: str, model: Embeddings) -> None:
    store = VectordVectorStore(model, name, target=target)
    store.add_texts(["", "a"], ids=["empty", "a"])
    assert [document.page_content for document in store.get_by_ids(["empty", "a"])] == ["", "a"]
    assert store.similarity_search("", k=1)[0].id == "empty"
    store.close()
