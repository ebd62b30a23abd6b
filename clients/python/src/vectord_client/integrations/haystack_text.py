"""The searches of the Haystack document store for words: hybrid ones, and by words alone (BM25). Sync and async."""

from typing import Any, Final

from haystack import Document

from vectord_client.integrations import haystack_operations as operations
from vectord_client.integrations.access import IndexAccess

TEXT_PATH: Final = "content"  # of a document in the metadata of a row


class TextRetrievals:
    """The methods of `VectordDocumentStore` that look for words.

    `parameters` are `filters`, `top_k` (10), `return_embedding`, and those of `Index.search`, such as `min_relevance`
    and, of a hybrid search, `fusion` and `recall`.
    """

    _access: IndexAccess

    def bm25_retrieval(self, query: str, **parameters: Any) -> list[Document]:
        """Return the documents that are most relevant to the words of a query; also those without an embedding.

        The score is the relevance (BM25), with `scale_score` from 0.5 to 1 as in Haystack's in-memory store.
        """
        return self._access.run(operations.retrieve_by_words(self._access, query, **parameters))

    async def bm25_retrieval_async(self, query: str, **parameters: Any) -> list[Document]:
        """Return the most relevant documents as `bm25_retrieval` does."""
        return await self._access.arun(operations.retrieve_by_words(self._access, query, **parameters))

    def hybrid_retrieval(self, query: str, query_embedding: list[float], **parameters: Any) -> list[Document]:
        """Return the best documents by two joined ranks: nearest to an embedding, and most relevant to the words.

        The score is that of the fusion: it orders the documents of this retrieval, and says nothing beyond it.
        Documents without an embedding are left out.
        """
        return self._access.run(operations.retrieve_hybrid(self._access, query, query_embedding, **parameters))

    async def hybrid_retrieval_async(
        self, query: str, query_embedding: list[float], **parameters: Any
    ) -> list[Document]:
        """Return the best documents as `hybrid_retrieval` does."""
        return await self._access.arun(operations.retrieve_hybrid(self._access, query, query_embedding, **parameters))
