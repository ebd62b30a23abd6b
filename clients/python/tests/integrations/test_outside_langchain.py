"""The outside suites of LangChain: those of langchain-tests for vector stores and retrievers, sync and async."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import RetrieversIntegrationTests, VectorStoreIntegrationTests
from tests.integrations.langchain_models import MODEL

from vectord_client.integrations.langchain import VectordHybridRetriever, VectordVectorStore

FILMS = ["A space ship", "Monsters in space", "A thief", "The space between", "Space, again"]


class TestLangChain(VectorStoreIntegrationTests):
    @pytest.fixture
    async def vectorstore(self, target: str, name: str) -> AsyncIterator[VectorStore]:  # type: ignore[override]
        store = VectordVectorStore(self.get_embeddings(), name, target=target)
        yield store
        await store.aclose()
        store.close()


class Retriever(RetrieversIntegrationTests):
    search_type = "hybrid"
    _store: VectordVectorStore

    @pytest.fixture(autouse=True)
    async def _filled(self, target: str, name: str) -> AsyncIterator[None]:
        self._store = VectordVectorStore(MODEL, name, target=target, text_search=True)
        self._store.add_texts(FILMS)
        yield
        await self._store.aclose()
        self._store.close()

    @property
    def retriever_constructor(self) -> type[VectordHybridRetriever]:
        return VectordHybridRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"vectorstore": self._store, "search_type": self.search_type}

    @property
    def retriever_query_example(self) -> str:
        return "space"


class TestHybridRetriever(Retriever):
    """Of vectors and words."""


class TestWordsRetriever(Retriever):
    """Of words alone."""

    search_type = "words"
