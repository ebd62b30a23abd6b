"""The outside suite of LangChain: VectorStoreIntegrationTests of langchain-tests, all of it, sync and async."""

from collections.abc import AsyncIterator

import pytest
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import VectorStoreIntegrationTests

from vectord_client.integrations.langchain import VectordVectorStore


class TestLangChain(VectorStoreIntegrationTests):
    @pytest.fixture
    async def vectorstore(self, target: str, name: str) -> AsyncIterator[VectorStore]:  # type: ignore[override]
        store = VectordVectorStore(self.get_embeddings(), name, target=target)
        yield store
        await store.aclose()
        store.close()
