"""The retrievers of Haystack that look for words: BM25 and hybrid, alone and in pipelines."""

from collections.abc import AsyncIterator
from math import exp
from pathlib import Path

import pytest
from haystack import Document, Pipeline
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.document_stores.types import FilterPolicy

from vectord_client import RequestInvalid
from vectord_client.integrations.haystack import VectordBM25Retriever, VectordDocumentStore, VectordHybridRetriever
from vectord_client.integrations.text_search import TextNotDeclared

PLOTS = [
    Document(id="room", content="a quiet room", meta={"n": 0}, embedding=[1.0, 0.0]),
    Document(id="one", content="a monster", meta={"n": 1}, embedding=[0.9, 0.3]),
    Document(id="many", content="monsters, monsters, a monster", meta={"n": 2}, embedding=[0.8, 0.6]),
    Document(id="bare", content="another monster here", meta={"n": 3}),  # without an embedding
]
FEW = {"field": "meta.n", "operator": "<", "value": 2}
NOT_ONE = {"field": "id", "operator": "!=", "value": "one"}
NEAR = [1.0, 0.1]


@pytest.fixture
async def store(target: str, name: str) -> AsyncIterator[VectordDocumentStore]:
    store = VectordDocumentStore(name, target=target, text_search=True)
    store.write_documents(PLOTS)
    yield store
    await store.close_async()
    store.close()


def ids_of(found: dict[str, list[Document]]) -> list[str]:
    return [document.id for document in found["documents"]]


def test_bm25_finds_the_most_relevant_also_without_an_embedding(store: VectordDocumentStore) -> None:
    found = VectordBM25Retriever(store).run("monster")
    assert ids_of(found) == ["many", "one", "bare"]
    hits = store._access.clients.sync.index(store.index).search(words="monster")
    assert [document.score for document in found["documents"]] == [hit.relevance for hit in hits]
    assert VectordBM25Retriever(store).run("submarine") == {"documents": []}


def test_bm25_scales_scores_as_haystack_does(store: VectordDocumentStore) -> None:
    (best,) = VectordBM25Retriever(store, top_k=1).run("monster")["documents"]
    (scaled,) = VectordBM25Retriever(store, top_k=1, scale_score=True).run("monster")["documents"]
    assert best.score is not None
    assert scaled.score == pytest.approx(1 / (1 + exp(-best.score / 8)))


def test_a_hybrid_retrieval_joins_both_ranks_and_leaves_out_what_has_no_embedding(store: VectordDocumentStore) -> None:
    found = VectordHybridRetriever(store).run("monster", NEAR)
    assert ids_of(found) == ["many", "one", "room"]
    scores = [document.score or 0.0 for document in found["documents"]]
    assert scores == sorted(scores, reverse=True)
    vectors = VectordHybridRetriever(store, top_k=1, fusion={"weights": {"vector": 100}}, recall=1.0)
    assert ids_of(vectors.run("monster", NEAR)) == ["room"]


def test_a_run_replaces_or_merges_filters(store: VectordDocumentStore) -> None:
    for policy, bm25, hybrid in (("replace", ["many", "bare"], ["many", "room"]), (FilterPolicy.MERGE, [], ["room"])):
        words = VectordBM25Retriever(store, filters=FEW, filter_policy=policy)
        assert ids_of(words.run("monster", filters=NOT_ONE)) == bm25
        assert ids_of(words.run("monster")) == ["one"]
        both = VectordHybridRetriever(store, filters=FEW, filter_policy=policy)
        assert ids_of(both.run("monster", NEAR, filters=NOT_ONE)) == hybrid
        assert ids_of(both.run("monster", NEAR)) == ["one", "room"]


def test_a_run_replaces_the_other_parameters(store: VectordDocumentStore) -> None:
    bm25 = VectordBM25Retriever(store, top_k=1)
    assert [each.embedding for each in bm25.run("monster")["documents"]] == [None]
    (found, *others) = bm25.run("monster", top_k=3, scale_score=True, return_embedding=True)["documents"]
    assert (found.embedding, len(others)) == (pytest.approx([0.8, 0.6]), 2)
    assert others[-1].embedding is None
    hybrid = VectordHybridRetriever(store, top_k=1, return_embedding=True)
    assert hybrid.run("monster", NEAR)["documents"][0].embedding == pytest.approx([0.8, 0.6])
    assert [each.embedding for each in hybrid.run("monster", NEAR, top_k=2, return_embedding=False)["documents"]] == [
        None,
        None,
    ]
    assert bm25.run("monster", top_k=0) == hybrid.run("monster", NEAR, top_k=0) == {"documents": []}


def test_a_pipeline_survives_yaml(store: VectordDocumentStore) -> None:
    pipeline = Pipeline()
    bm25 = VectordBM25Retriever(store, filters=FEW, top_k=5, scale_score=True, filter_policy="merge")
    pipeline.add_component("bm25", bm25)
    fusion = {"weights": {"vector": 1, "text": 2}}
    pipeline.add_component("hybrid", VectordHybridRetriever(store, top_k=3, fusion=fusion, recall=1.0))
    again = Pipeline.loads(pipeline.dumps())
    assert again.to_dict() == pipeline.to_dict()
    answer = again.run({"bm25": {"query": "monster"}, "hybrid": {"query": "monster", "query_embedding": NEAR}})
    assert (ids_of(answer["bm25"]), ids_of(answer["hybrid"])) == (["one"], ["many", "one", "room"])
    for name in ("bm25", "hybrid"):
        again.get_component(name).document_store.close()


async def test_an_async_pipeline_retrieves(store: VectordDocumentStore) -> None:
    bm25, hybrid = VectordBM25Retriever(store, top_k=2), VectordHybridRetriever(store, top_k=2)
    assert await bm25.run_async("monster", filters=NOT_ONE) == bm25.run("monster", filters=NOT_ONE)
    assert await hybrid.run_async("monster", NEAR, filters=FEW) == hybrid.run("monster", NEAR, filters=FEW)
    pipeline = Pipeline()
    pipeline.add_component("bm25", bm25)
    answer = await pipeline.run_async({"bm25": {"query": "monster", "top_k": 1}})
    assert ids_of(answer["bm25"]) == ["many"]


def test_the_retrievers_check_their_parameters(tmp_path: Path) -> None:
    store = VectordDocumentStore(target=str(tmp_path / "data"), text_search=True)
    for retriever in (VectordBM25Retriever, VectordHybridRetriever):
        with pytest.raises(TypeError, match="must be a VectordDocumentStore, not InMemoryDocumentStore"):
            retriever(InMemoryDocumentStore())  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="top_k"):
            retriever(store, top_k=0)
        with pytest.raises(ValueError, match="Unknown FilterPolicy"):
            retriever(store, filter_policy="both")
    with pytest.raises(ValueError, match="query_embedding"):
        VectordHybridRetriever(store).run("monster", [])
    assert VectordBM25Retriever(store).run("monster") == {"documents": []}  # the index does not exist
    store.close()


def test_what_cannot_be_searched_by_words_is_refused(store: VectordDocumentStore, target: str, name: str) -> None:
    with pytest.raises(RequestInvalid, match="no words"):
        VectordBM25Retriever(store).run("?")
    plain = VectordDocumentStore(f"{name}-plain", target=target)
    plain.write_documents(PLOTS)
    with pytest.raises(TextNotDeclared, match=r"declare_text\('content'\)"):
        VectordBM25Retriever(plain).run("monster")
    plain.close()


def test_an_index_that_is_created_again_declares_its_texts_again(tmp_path: Path) -> None:
    store = VectordDocumentStore(target=str(tmp_path / "data"), text_search={"language": "german"})
    store.write_documents([Document(content="das Haus", embedding=[1.0, 0.0])])
    store.delete_all_documents(recreate_index=True)
    store.write_documents([Document(content="Häuser am See", embedding=[1.0, 0.0])])
    assert len(VectordBM25Retriever(store).run("Haus")["documents"]) == 1
    assert VectordDocumentStore.from_dict(store.to_dict()).text_search == {"language": "german"}
    store.close()
