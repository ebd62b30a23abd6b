"""Retrievers of LangChain: the search types `hybrid` and `words` of the store, and a retriever with fields."""

from typing import Any, ClassVar, Literal

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import VectorStore, VectorStoreRetriever
from pydantic import ConfigDict, Field, field_validator

from vectord_client.integrations.langchain_text import TextSearches
from vectord_client.reranking import Scorer

_TEXT_SEARCHES = ("hybrid", "words")


class SearchTypesRetriever(VectorStoreRetriever):
    """What `as_retriever` returns: LangChain's own retriever, with the search types `hybrid` and `words` as well."""

    allowed_search_types: ClassVar[tuple[str, ...]] = (*VectorStoreRetriever.allowed_search_types, *_TEXT_SEARCHES)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        if self.search_type not in _TEXT_SEARCHES:
            return super()._get_relevant_documents(query, run_manager=run_manager, **kwargs)
        return _search(self.vectorstore, self.search_type, query, {**self.search_kwargs, **kwargs})

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        if self.search_type not in _TEXT_SEARCHES:
            return await super()._aget_relevant_documents(query, run_manager=run_manager, **kwargs)
        return await _asearch(self.vectorstore, self.search_type, query, {**self.search_kwargs, **kwargs})


class VectordHybridRetriever(BaseRetriever):
    """A retriever that joins two ranks: nearest to the query, and most relevant to its words; or by words alone.

    The fields are the arguments of `hybrid_search`; `search_kwargs` has further ones, such as `recall` or `words`.
    Arguments of `invoke` replace them for one call.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    vectorstore: VectorStore
    search_type: Literal["hybrid", "words"] = "hybrid"
    k: int = 4
    filter: dict[str, Any] | None = None
    fusion: dict[str, Any] | None = None
    rerank: Any = None
    rerank_from: int = 50
    search_kwargs: dict[str, Any] = Field(default_factory=dict)

    @field_validator("vectorstore")
    @classmethod
    def _has_text_searches(cls, store: VectorStore) -> VectorStore:
        if not isinstance(store, TextSearches):
            name = type(store).__name__
            raise ValueError(f"vectorstore must be a VectordVectorStore, not {name}.")  # noqa: TRY004  pydantic reports it
        return store

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        return _search(self.vectorstore, self.search_type, query, self._arguments(kwargs))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        return await _asearch(self.vectorstore, self.search_type, query, self._arguments(kwargs))

    def _arguments(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        scorer: Scorer | None = self.rerank
        own = {"k": self.k, "filter": self.filter, "rerank": scorer, "rerank_from": self.rerank_from}
        fusion = {"fusion": self.fusion} if self.fusion is not None and self.search_type == "hybrid" else {}
        return {**own, **fusion, **self.search_kwargs, **kwargs}


def _search(store: Any, search_type: str, query: str, arguments: dict[str, Any]) -> list[Document]:
    searches: TextSearches = store
    return (searches.hybrid_search if search_type == "hybrid" else searches.search_by_words)(query, **arguments)


async def _asearch(store: Any, search_type: str, query: str, arguments: dict[str, Any]) -> list[Document]:
    searches: TextSearches = store
    search = searches.ahybrid_search if search_type == "hybrid" else searches.asearch_by_words
    return await search(query, **arguments)
