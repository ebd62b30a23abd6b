"""The Haystack retriever, alone and in pipelines."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from haystack import Pipeline
from haystack.components.writers import DocumentWriter
from haystack.document_stores.types import DuplicatePolicy, FilterPolicy
from tests.integrations.haystack_films import FILMS, OLD

from vectord_client.integrations.haystack import VectordDocumentStore, VectordEmbeddingRetriever


@pytest.fixture
async def store(target: str, name: str) -> AsyncIterator[VectordDocumentStore]:
    store = VectordDocumentStore(name, target=target)
    yield store
    await store.close_async()
    store.close()


def test_a_pipeline_survives_yaml(target: str, name: str, store: VectordDocumentStore) -> None:
    store.write_documents(FILMS)
    retriever = VectordEmbeddingRetriever(
        store, filters=OLD, top_k=5, scale_score=True, return_embedding=True, filter_policy="merge", recall=1.0
    )
    pipeline = Pipeline()
    pipeline.add_component("retriever", retriever)
    pipeline.add_component("writer", DocumentWriter(store, DuplicatePolicy.SKIP))
    again = Pipeline.loads(pipeline.dumps())
    assert again.to_dict() == pipeline.to_dict()
    component = again.get_component("retriever")
    found = component.run([1.0, 0.0])["documents"]
    assert [document.id for document in found] == ["alien", "stalker"]
    assert found[0].embedding == [1.0, 0.0]
    component.document_store.close()
    again.get_component("writer").document_store.close()


def test_a_run_replaces_or_merges_filters(store: VectordDocumentStore) -> None:
    store.write_documents(FILMS)
    horror = {"field": "meta.genre", "operator": "==", "value": "horror"}
    new = {"field": "meta.year", "operator": ">", "value": 1990}
    replaced = VectordEmbeddingRetriever(store, filters=OLD)
    assert [document.id for document in replaced.run([1.0, 0.0], filters=new)["documents"]] == ["heat"]
    merged = VectordEmbeddingRetriever(store, filters=OLD, filter_policy=FilterPolicy.MERGE)
    assert [document.id for document in merged.run([1.0, 0.0], filters=horror)["documents"]] == ["alien"]
    assert [document.id for document in merged.run([1.0, 0.0], top_k=1)["documents"]] == ["alien"]
    assert merged.run([1.0, 0.0], top_k=0)["documents"] == []


async def test_an_async_pipeline_retrieves(store: VectordDocumentStore) -> None:
    await store.write_documents_async(FILMS)
    retriever = VectordEmbeddingRetriever(store, top_k=2)
    found = await retriever.run_async([1.0, 0.0], filters=OLD, scale_score=True)
    assert found == retriever.run([1.0, 0.0], filters=OLD, scale_score=True)
    assert [document.id for document in found["documents"]] == ["alien", "stalker"]
    pipeline = Pipeline()
    pipeline.add_component("retriever", retriever)
    answer = await pipeline.run_async({"retriever": {"query_embedding": [1.0, 0.0], "top_k": 1}})
    assert [document.id for document in answer["retriever"]["documents"]] == ["alien"]


def test_a_retriever_checks_its_parameters(tmp_path: Path) -> None:
    store = VectordDocumentStore(target=str(tmp_path / "data"))
    with pytest.raises(TypeError, match="VectordDocumentStore"):
        VectordEmbeddingRetriever("store")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="top_k"):
        VectordEmbeddingRetriever(store, top_k=0)
    with pytest.raises(ValueError, match="Unknown FilterPolicy"):
        VectordEmbeddingRetriever(store, filter_policy="both")
