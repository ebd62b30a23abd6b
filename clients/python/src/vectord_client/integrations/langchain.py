"""A vector store of LangChain on an index of vectord, sync and async. Its page is docs/langchain.md.

A row has the text and the metadata of a document as `{"text": ..., "metadata": {...}}`. Filters are on the metadata.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from vectord_client.errors import MissingExtra

try:
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from langchain_core.vectorstores import VectorStore, VectorStoreRetriever
except ImportError as error:
    raise MissingExtra(
        "The LangChain adapter needs packages that are not installed: pip install 'vectord-client[langchain]'."
    ) from error

from vectord_client.aio import AsyncClient
from vectord_client.client import Client
from vectord_client.integrations import langchain_operations as operations
from vectord_client.integrations.access import Distance, IndexAccess
from vectord_client.integrations.clients import Clients
from vectord_client.integrations.langchain_embeddings import model_of
from vectord_client.integrations.langchain_operations import Scored, diverse, documents_of, scored, texts_to_add
from vectord_client.integrations.langchain_retrievers import SearchTypesRetriever, VectordHybridRetriever
from vectord_client.integrations.langchain_text import TEXT_PATH, TextSearches
from vectord_client.integrations.text_search import TextSearch, store_text

__all__ = ["VectordHybridRetriever", "VectordVectorStore"]

Filter = dict[str, Any] | None
Store = TypeVar("Store", bound="VectordVectorStore")


class VectordVectorStore(TextSearches, VectorStore):
    """A vector store of LangChain.

    The index is created by the first add, with the dimension of the embeddings. Until then searches find nothing.
    """

    def __init__(
        self,
        embedding: Embeddings,
        index_name: str = "langchain",
        *,
        target: str | None = None,
        auth: Any = None,
        client: Client | None = None,
        async_client: AsyncClient | None = None,
        distance: Distance | None = None,
        embedding_model: str | None = None,
        batch_size: int = 500,
        relevance_score_fn: Callable[[float], float] | None = None,
        text_search: TextSearch = False,
    ) -> None:
        """Use the index `index_name` at `target`, or of `client` and `async_client`.

        `target` and `auth` are those of `Client`: a URL or a folder, by default VECTORD_URL. `distance` is that of an
        index to create (by default cosine); an existing index must have it. `embedding_model` names the model of
        `embedding`: a new index records it, and an index that records another one is refused. By default it is the name
        that `embedding` has. Texts are embedded and added `batch_size` at a time. `relevance_score_fn` makes a
        relevance of 0 to 1 from a distance, instead of the built-in function. With `text_search` an index to create
        declares the page content as a text field: True, or its options, such as {"language": "german"}.

        Raises:
            ArgumentInvalid: `embedding` does not embed, no index can have the name or the distance, or
                `embedding_model` is not a name, or `text_search` not an option.
        """
        self.index_name = index_name
        self._embedding, self._batch_size, self._relevance_score_fn = embedding, batch_size, relevance_score_fn
        self._access = IndexAccess(
            index_name,
            Clients(target, auth, client, async_client),
            distance=distance,
            model=model_of(embedding, embedding_model),
            text=store_text(TEXT_PATH, text_search),
        )

    @property
    def embeddings(self) -> Embeddings:
        """The embedding model."""
        return self._embedding

    @property
    def client(self) -> Client:
        """The sync client."""
        return self._access.clients.sync

    # ------------------------------------------------------------------------------------------------------ writes

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: Iterable[dict[str, Any] | None] | None = None,
        *,
        ids: Iterable[str | None] | None = None,
        batch_size: int | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Embed texts, add or replace their documents, and return the ids; a missing id is a new UUID.

        Each batch is added as a whole or not at all.
        """
        _refuse(kwargs)
        entries = texts_to_add(texts, metadatas, ids)
        for batch in operations.batches(entries, batch_size or self._batch_size):
            vectors = self._embedding.embed_documents([entry.text for entry in batch])
            self._access.run(operations.add(self._access, batch, vectors))
        return [entry.id for entry in entries]

    async def aadd_texts(
        self,
        texts: Iterable[str],
        metadatas: Iterable[dict[str, Any] | None] | None = None,
        *,
        ids: Iterable[str | None] | None = None,
        batch_size: int | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Add texts as `add_texts` does."""
        _refuse(kwargs)
        entries = texts_to_add(texts, metadatas, ids)
        for batch in operations.batches(entries, batch_size or self._batch_size):
            vectors = await self._embedding.aembed_documents([entry.text for entry in batch])
            await self._access.arun(operations.add(self._access, batch, vectors))
        return [entry.id for entry in entries]

    def delete(self, ids: Sequence[str] | None = None, *, filter: Filter = None, **kwargs: Any) -> bool:
        """Delete the documents of `ids`, or those that satisfy `filter`; without both all documents of the index."""
        _refuse(kwargs)
        return self._access.run(operations.delete(self._access, ids, filter))

    async def adelete(self, ids: Sequence[str] | None = None, *, filter: Filter = None, **kwargs: Any) -> bool:
        """Delete documents as `delete` does."""
        _refuse(kwargs)
        return await self._access.arun(operations.delete(self._access, ids, filter))

    # ------------------------------------------------------------------------------------------------------- reads

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return the documents of `ids`, in their order, without those that do not exist."""
        return self._access.run(operations.get(self._access, ids))

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return documents as `get_by_ids` does."""
        return await self._access.arun(operations.get(self._access, ids))

    def similarity_search(self, query: str, k: int = 4, filter: Filter = None, **kwargs: Any) -> list[Document]:
        """Return the `k` documents nearest to a text.

        `filter` is a filter on their metadata. Other arguments are those of `Index.search`, such as `recall`.
        """
        return self.similarity_search_by_vector(self._embedding.embed_query(query), k, filter, **kwargs)

    async def asimilarity_search(self, query: str, k: int = 4, filter: Filter = None, **kwargs: Any) -> list[Document]:
        """Search as `similarity_search` does."""
        return await self.asimilarity_search_by_vector(await self._embedding.aembed_query(query), k, filter, **kwargs)

    def similarity_search_with_score(self, query: str, k: int = 4, filter: Filter = None, **kwargs: Any) -> Scored:
        """Return the `k` documents nearest to a text, each with its distance: the lower, the more similar."""
        return self.similarity_search_with_score_by_vector(self._embedding.embed_query(query), k, filter, **kwargs)

    async def asimilarity_search_with_score(
        self, query: str, k: int = 4, filter: Filter = None, **kwargs: Any
    ) -> Scored:
        """Search as `similarity_search_with_score` does."""
        vector = await self._embedding.aembed_query(query)
        return await self.asimilarity_search_with_score_by_vector(vector, k, filter, **kwargs)

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, filter: Filter = None, **kwargs: Any
    ) -> list[Document]:
        """Return the `k` documents nearest to a vector."""
        return documents_of(self._access.run(operations.search(self._access, embedding, k, filter=filter, **kwargs)))

    async def asimilarity_search_by_vector(
        self, embedding: list[float], k: int = 4, filter: Filter = None, **kwargs: Any
    ) -> list[Document]:
        """Search as `similarity_search_by_vector` does."""
        return documents_of(
            await self._access.arun(operations.search(self._access, embedding, k, filter=filter, **kwargs))
        )

    def similarity_search_with_score_by_vector(
        self, embedding: list[float], k: int = 4, filter: Filter = None, **kwargs: Any
    ) -> Scored:
        """Return the `k` documents nearest to a vector, each with its distance."""
        return scored(self._access.run(operations.search(self._access, embedding, k, filter=filter, **kwargs)))

    async def asimilarity_search_with_score_by_vector(
        self, embedding: list[float], k: int = 4, filter: Filter = None, **kwargs: Any
    ) -> Scored:
        """Search as `similarity_search_with_score_by_vector` does."""
        return scored(await self._access.arun(operations.search(self._access, embedding, k, filter=filter, **kwargs)))

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """Return `k` of the `fetch_k` documents nearest to a text: similar to it, and different from each other.

        `lambda_mult` is 0 for the most different documents, and 1 for the most similar ones.
        """
        vector = self._embedding.embed_query(query)
        return self.max_marginal_relevance_search_by_vector(vector, k, fetch_k, lambda_mult, **kwargs)

    async def amax_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """Search as `max_marginal_relevance_search` does."""
        vector = await self._embedding.aembed_query(query)
        return await self.amax_marginal_relevance_search_by_vector(vector, k, fetch_k, lambda_mult, **kwargs)

    def max_marginal_relevance_search_by_vector(
        self, embedding: list[float], k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """Search as `max_marginal_relevance_search` does, by a vector."""
        found = self._access.run(operations.search(self._access, embedding, max(k, fetch_k), vectors=True, **kwargs))
        return diverse(embedding, found, k, lambda_mult)

    async def amax_marginal_relevance_search_by_vector(
        self, embedding: list[float], k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """Search as `max_marginal_relevance_search_by_vector` does."""
        steps = operations.search(self._access, embedding, max(k, fetch_k), vectors=True, **kwargs)
        return diverse(embedding, await self._access.arun(steps), k, lambda_mult)

    def as_retriever(self, **kwargs: Any) -> VectorStoreRetriever:
        """Return a retriever; `search_type` is one of LangChain's, or "hybrid" or "words"."""
        tags = [*(kwargs.pop("tags", None) or ()), *self._get_retriever_tags()]
        return SearchTypesRetriever(vectorstore=self, tags=tags, **kwargs)

    def _similarity_search_with_relevance_scores(self, query: str, k: int = 4, **kwargs: Any) -> Scored:
        found = self.similarity_search_with_score(query, k, **kwargs)
        return self._with_relevance(found)

    async def _asimilarity_search_with_relevance_scores(self, query: str, k: int = 4, **kwargs: Any) -> Scored:
        found = await self.asimilarity_search_with_score(query, k, **kwargs)
        return self._with_relevance(found)

    def _with_relevance(self, found: Scored) -> Scored:
        """Replace distances by relevances; the search before has found out the distance of the index."""
        relevance = self._select_relevance_score_fn()
        return [(document, relevance(distance)) for document, distance in found]

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        """Return the function from distance to relevance: 1 is equal, 0 is unrelated or opposite."""
        if self._relevance_score_fn is not None:
            return self._relevance_score_fn
        return lambda value: max(0.0, self._access.similarity(value))

    # ------------------------------------------------------------------------------------------------ construction

    @classmethod
    def from_texts(
        cls: type[Store],
        texts: Iterable[str],
        embedding: Embeddings,
        metadatas: Iterable[dict[str, Any] | None] | None = None,
        *,
        ids: Iterable[str | None] | None = None,
        **kwargs: Any,
    ) -> Store:
        """Return a store to which `texts` were added; `kwargs` are those of the constructor."""
        store = cls(embedding, **kwargs)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    @classmethod
    async def afrom_texts(
        cls: type[Store],
        texts: Iterable[str],
        embedding: Embeddings,
        metadatas: Iterable[dict[str, Any] | None] | None = None,
        *,
        ids: Iterable[str | None] | None = None,
        **kwargs: Any,
    ) -> Store:
        """Return a store to which `texts` were added, as `from_texts` does."""
        store = cls(embedding, **kwargs)
        await store.aadd_texts(texts, metadatas, ids=ids)
        return store

    def close(self) -> None:
        """Close the clients that the store made."""
        self._access.clients.close()

    async def aclose(self) -> None:
        """Close the async client of the running event loop, if the store made it."""
        await self._access.clients.aclose()


def _refuse(kwargs: dict[str, Any]) -> None:
    if kwargs:
        raise TypeError(f"Unknown arguments: {', '.join(sorted(kwargs))}.")
