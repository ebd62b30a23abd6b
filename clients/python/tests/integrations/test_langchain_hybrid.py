"""Searches of the LangChain store for words: hybrid ones and by words alone, in methods and in retrievers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from pydantic import ValidationError
from tests.integrations.langchain_models import MODEL, Angles

from vectord_client import ArgumentInvalid, RequestInvalid, RerankFailed
from vectord_client.integrations.langchain import VectordHybridRetriever, VectordVectorStore
from vectord_client.integrations.text_search import TextNotDeclared

WORDS = {"query": "monster ship", "match": "all"}


class Plots(Angles):
    """Embeds a text as the unit vector at the number of degrees that it begins with, 0 without one."""

    def embed_query(self, text: str) -> list[float]:
        first = text.split(maxsplit=1)[0] if text else ""
        return super().embed_query(first if first.isdigit() else "0")


TEXTS = ["0 a quiet room", "20 a monster", "40 monsters hunt a monster", "90 a ship and its monster"]
IDS = ["room", "one", "many", "ship"]


@pytest.fixture
def store(target: str, name: str) -> Iterator[VectordVectorStore]:
    store = VectordVectorStore(Plots(), name, target=target, text_search=True)
    store.add_texts(TEXTS, [{"n": n} for n in range(len(TEXTS))], ids=IDS)
    yield store
    store.close()


def ids_of(documents: list[Document]) -> list[str | None]:
    return [document.id for document in documents]


def longest(query: str, texts: list[str]) -> list[int]:
    return [len(text) for text in texts]


def test_a_hybrid_search_joins_the_ranks_of_vectors_and_words(store: VectordVectorStore) -> None:
    assert ids_of(store.similarity_search("5 monster", k=2)) == ["room", "one"]
    assert ids_of(store.hybrid_search("5 monster", k=4)) == ["many", "one", "ship", "room"]
    assert store.hybrid_search("5 monster", k=1) == store.get_by_ids(["many"])


def test_a_search_by_words_finds_the_most_relevant_and_nothing_else(store: VectordVectorStore) -> None:
    assert ids_of(store.search_by_words("monster")) == ["many", "one", "ship"]
    assert ids_of(store.search_by_words("monster", k=2, filter={"n": {"$ne": 2}})) == ["one", "ship"]
    assert store.search_by_words("submarine") == []


def test_scores_are_those_of_the_fusion_and_of_relevance(store: VectordVectorStore) -> None:
    index = store.client.index(store.index_name)
    hits = index.search(Plots().embed_query("5 monster"), words="5 monster")
    assert [score for _, score in store.hybrid_search_with_score("5 monster")] == [hit.score for hit in hits]
    hits = index.search(words="monster")
    assert [score for _, score in store.search_by_words_with_score("monster")] == [hit.relevance for hit in hits]


def test_fusion_and_words_of_their_own_change_the_ranks(store: VectordVectorStore) -> None:
    assert ids_of(store.hybrid_search("5 monster", k=1, fusion={"weights": {"vector": 100}})) == ["room"]
    assert ids_of(store.hybrid_search("5 monster", k=1, words=WORDS, fusion={"weights": {"text": 100}})) == ["ship"]
    assert ids_of(store.search_by_words("room", words=WORDS)) == ["ship"]
    best = store.search_by_words_with_score("monster")[0][1]
    assert ids_of(store.search_by_words("monster", min_relevance=best)) == ["many"]


def test_a_rerank_orders_more_documents_than_it_returns(store: VectordVectorStore) -> None:
    found = store.search_by_words_with_score("monster", k=1, rerank=longest)
    assert [(document.id, score) for document, score in found] == [("many", len(TEXTS[2]))]
    first = store.search_by_words("monster", k=1)[0].id
    assert ids_of(store.search_by_words("monster", k=1, rerank=lambda q, texts: [-len(t) for t in texts])) == ["one"]
    assert ids_of(store.search_by_words("monster", k=1, rerank=longest, rerank_from=1)) == [first]
    assert store.search_by_words("submarine", rerank=longest) == []
    assert store.hybrid_search("5 monster", k=0, rerank=longest) == []
    with pytest.raises(RerankFailed, match="1 scores for 4 texts"):
        store.hybrid_search("5 monster", rerank=lambda query, texts: [1])


def test_a_document_without_a_text_is_last_after_a_rerank(store: VectordVectorStore) -> None:
    store.client.index(store.index_name).add([("bare", Plots().embed_query("0"))])
    found = store.hybrid_search_with_score("5 monster", k=5, rerank=longest)
    assert (found[-1][0].id, found[-1][1]) == ("bare", float("-inf"))


def test_as_retriever_has_the_search_types_hybrid_and_words(store: VectordVectorStore) -> None:
    hybrid = store.as_retriever(search_type="hybrid", search_kwargs={"k": 2, "filter": {"n": {"$gt": 0}}})
    assert ids_of(hybrid.invoke("5 monster")) == ["many", "one"]
    assert ids_of(hybrid.invoke("5 monster", k=1)) == ["many"]
    words = store.as_retriever(search_type="words", tags=["mine"])
    assert ids_of(words.invoke("monster")) == ["many", "one", "ship"]
    assert words.tags == ["mine", "VectordVectorStore", "Plots"]
    assert ids_of(store.as_retriever(search_kwargs={"k": 1}).invoke("5 monster")) == ["room"]
    assert ids_of(store.as_retriever(search_type="mmr", search_kwargs={"k": 1}).invoke("0")) == ["room"]
    with pytest.raises(ValueError, match="search_type of fuzzy not allowed"):
        store.as_retriever(search_type="fuzzy")


def test_the_hybrid_retriever_has_fields_which_an_invocation_replaces(store: VectordVectorStore) -> None:
    retriever = VectordHybridRetriever(
        vectorstore=store, k=1, filter={"n": {"$lt": 3}}, fusion={"weights": {"text": 100}}, rerank_from=2
    )
    assert ids_of(retriever.invoke("5 monster")) == ["many"]
    assert ids_of(retriever.invoke("5 monster", fusion={"weights": {"vector": 100}})) == ["room"]
    assert ids_of(retriever.invoke("5 monster", k=2, rerank=lambda q, texts: [-len(t) for t in texts])) == [
        "one",
        "many",
    ]
    words = VectordHybridRetriever(vectorstore=store, search_type="words", search_kwargs={"words": WORDS})
    assert ids_of(words.invoke("ignored")) == ["ship"]


def test_a_retriever_checks_its_fields(store: VectordVectorStore) -> None:
    with pytest.raises(ValidationError, match="must be a VectordVectorStore, not InMemoryVectorStore"):
        VectordHybridRetriever(vectorstore=InMemoryVectorStore(MODEL))
    with pytest.raises(ValidationError, match="search_type"):
        VectordHybridRetriever(vectorstore=store, search_type="mmr")  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="top_k"):
        VectordHybridRetriever(vectorstore=store, top_k=3)  # type: ignore[call-arg]


async def test_async_calls_do_what_sync_calls_do(store: VectordVectorStore) -> None:
    options: dict[str, Any] = {"k": 2, "filter": {"n": {"$lt": 3}}, "rerank": longest}
    assert await store.ahybrid_search("5 monster", **options) == store.hybrid_search("5 monster", **options)
    assert await store.ahybrid_search_with_score("5 monster") == store.hybrid_search_with_score("5 monster")
    assert await store.asearch_by_words("monster", **options) == store.search_by_words("monster", **options)
    assert await store.asearch_by_words_with_score("ship") == store.search_by_words_with_score("ship")
    for search_type in ("hybrid", "words"):
        retriever = store.as_retriever(search_type=search_type, search_kwargs={"k": 2})
        assert await retriever.ainvoke("5 monster") == retriever.invoke("5 monster")
        own = VectordHybridRetriever(vectorstore=store, search_type=search_type, k=2)
        assert await own.ainvoke("5 monster") == retriever.invoke("5 monster")
    assert await store.as_retriever().ainvoke("0") == store.similarity_search("0")

    async def shortest(query: str, texts: list[str]) -> list[int]:
        return [-len(text) for text in texts]

    retriever = VectordHybridRetriever(vectorstore=store, search_type="words", k=1, rerank=shortest)
    assert ids_of(await retriever.ainvoke("monster")) == ["one"]
    await store.aclose()


def test_an_index_that_does_not_exist_is_empty(target: str, name: str) -> None:
    store = VectordVectorStore(Plots(), name, target=target, text_search=True)
    assert store.hybrid_search("5 monster") == store.search_by_words("monster", rerank=longest) == []
    store.close()


def test_an_index_without_a_text_field_is_refused_until_one_is_declared(target: str, name: str) -> None:
    store = VectordVectorStore(Plots(), name, target=target)
    store.add_texts(TEXTS, ids=IDS)
    for search in (store.hybrid_search, store.search_by_words):
        with pytest.raises(TextNotDeclared, match=r"text_search=True .*declare_text\('text'\)"):
            search("5 monster")
    store.client.index(name).declare_text("text")
    assert ids_of(store.search_by_words("monster", k=1)) == ["many"]
    store.close()


def test_the_text_field_has_the_options_that_are_given(tmp_path: Path) -> None:
    store = VectordVectorStore(Plots(), "filme", target=tmp_path, text_search={"language": "german"})
    store.add_texts(["0 Häuser am See", "0 das Haus"], ids=["two", "one"])
    assert ids_of(store.search_by_words("Haus", k=2)) == ["one", "two"]
    parameters = store.client.index("filme").info().parameters.text or {}
    assert {path: field.language for path, field in parameters.items()} == {"text": "german"}
    store.close()
    for wrong in ("german", 1, {"lang": "german"}):
        with pytest.raises(ArgumentInvalid, match=r"text_search|text field"):
            VectordVectorStore(Plots(), "filme", target=tmp_path, text_search=wrong)  # type: ignore[arg-type]


def test_what_the_service_refuses_is_raised(store: VectordVectorStore) -> None:
    with pytest.raises(RequestInvalid, match="no words"):
        store.search_by_words("?")
    with pytest.raises(TypeError, match="recal"):
        store.hybrid_search("5 monster", recal=1.0)
