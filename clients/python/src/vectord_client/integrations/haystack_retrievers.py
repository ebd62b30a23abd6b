"""Components of Haystack that retrieve documents by words, and by words and an embedding."""

from collections.abc import Mapping
from typing import Any, Protocol

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.core.serialization import allow_deserialization_module
from haystack.document_stores.types import FilterPolicy, apply_filter_policy

from vectord_client.integrations.haystack_text import TextRetrievals

# Haystack loads only classes of modules that the program allows. A program that imports this module uses its classes.
allow_deserialization_module(__name__)


@component
class VectordBM25Retriever:
    """A component of Haystack that retrieves the documents that are most relevant to the words of a query (BM25)."""

    def __init__(
        self,
        document_store: TextRetrievals,
        *,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
        scale_score: bool = False,
        return_embedding: bool = False,
        filter_policy: str | FilterPolicy = FilterPolicy.REPLACE,
    ) -> None:
        """Retrieve from `document_store`, a VectordDocumentStore whose index declares its texts.

        `filter_policy` says whether the filters of a run replace `filters` or are merged with them. The other
        parameters are those of `bm25_retrieval`, and a run can replace them.

        Raises:
            TypeError: `document_store` is not a VectordDocumentStore.
            ValueError: `top_k` is less than 1.
        """
        check_retriever(document_store, top_k)
        self.document_store, self.filters, self.top_k = document_store, filters, top_k
        self.scale_score, self.return_embedding = scale_score, return_embedding
        self.filter_policy = policy_of(filter_policy)

    def to_dict(self) -> dict[str, Any]:
        """Serialize the component with its document store."""
        return default_to_dict(
            self,
            document_store=self.document_store,
            filters=self.filters,
            top_k=self.top_k,
            scale_score=self.scale_score,
            return_embedding=self.return_embedding,
            filter_policy=self.filter_policy.value,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "VectordBM25Retriever":
        """Return the component that `to_dict` serialized."""
        return default_from_dict(cls, data)

    @component.output_types(documents=list[Document])
    def run(
        self,
        query: str,
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
        scale_score: bool | None = None,
        return_embedding: bool | None = None,
    ) -> dict[str, list[Document]]:
        """Return the most relevant documents as `documents`."""
        given = {"top_k": top_k, "scale_score": scale_score, "return_embedding": return_embedding}
        parameters = parameters_of(self, filters, given)
        return {"documents": self.document_store.bm25_retrieval(query, **parameters)}

    @component.output_types(documents=list[Document])
    async def run_async(
        self,
        query: str,
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
        scale_score: bool | None = None,
        return_embedding: bool | None = None,
    ) -> dict[str, list[Document]]:
        """Return the most relevant documents as `documents`."""
        given = {"top_k": top_k, "scale_score": scale_score, "return_embedding": return_embedding}
        parameters = parameters_of(self, filters, given)
        return {"documents": await self.document_store.bm25_retrieval_async(query, **parameters)}


@component
class VectordHybridRetriever:
    """A component of Haystack that joins two ranks: nearest to an embedding, and most relevant to the words."""

    def __init__(
        self,
        document_store: TextRetrievals,
        *,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
        return_embedding: bool = False,
        filter_policy: str | FilterPolicy = FilterPolicy.REPLACE,
        fusion: dict[str, Any] | None = None,
        recall: float | None = None,
    ) -> None:
        """Retrieve from `document_store`, a VectordDocumentStore whose index declares its texts.

        `fusion` says how the ranks are joined, such as `{"weights": {"vector": 1, "text": 2}}`. `recall` is the target
        recall of the vectors. The other parameters are those of `VectordBM25Retriever`.

        Raises:
            TypeError: `document_store` is not a VectordDocumentStore.
            ValueError: `top_k` is less than 1.
        """
        check_retriever(document_store, top_k)
        self.document_store, self.filters, self.top_k = document_store, filters, top_k
        self.return_embedding, self.fusion, self.recall = return_embedding, fusion, recall
        self.filter_policy = policy_of(filter_policy)

    def to_dict(self) -> dict[str, Any]:
        """Serialize the component with its document store."""
        return default_to_dict(
            self,
            document_store=self.document_store,
            filters=self.filters,
            top_k=self.top_k,
            return_embedding=self.return_embedding,
            filter_policy=self.filter_policy.value,
            fusion=self.fusion,
            recall=self.recall,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "VectordHybridRetriever":
        """Return the component that `to_dict` serialized."""
        return default_from_dict(cls, data)

    @component.output_types(documents=list[Document])
    def run(
        self,
        query: str,
        query_embedding: list[float],
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
        return_embedding: bool | None = None,
    ) -> dict[str, list[Document]]:
        """Return the best documents as `documents`."""
        parameters = self._parameters(filters, top_k, return_embedding)
        return {"documents": self.document_store.hybrid_retrieval(query, query_embedding, **parameters)}

    @component.output_types(documents=list[Document])
    async def run_async(
        self,
        query: str,
        query_embedding: list[float],
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
        return_embedding: bool | None = None,
    ) -> dict[str, list[Document]]:
        """Return the best documents as `documents`."""
        parameters = self._parameters(filters, top_k, return_embedding)
        return {"documents": await self.document_store.hybrid_retrieval_async(query, query_embedding, **parameters)}

    def _parameters(
        self, filters: dict[str, Any] | None, top_k: int | None, return_embedding: bool | None
    ) -> dict[str, Any]:
        given = {"top_k": top_k, "return_embedding": return_embedding}
        return {**parameters_of(self, filters, given), "fusion": self.fusion, "recall": self.recall}


def check_retriever(document_store: object, top_k: int) -> None:
    """Raise TypeError for another store than a VectordDocumentStore, and ValueError if `top_k` is less than 1."""
    if not isinstance(document_store, TextRetrievals):
        raise TypeError(f"document_store must be a VectordDocumentStore, not {type(document_store).__name__}.")
    if top_k < 1:
        raise ValueError(f"top_k is {top_k}, and must be at least 1.")


def policy_of(given: str | FilterPolicy) -> FilterPolicy:
    """Return a filter policy, which may be given by its name."""
    return FilterPolicy.from_str(given) if isinstance(given, str) else given


class _Retriever(Protocol):
    filters: dict[str, Any] | None
    filter_policy: FilterPolicy


def parameters_of(retriever: _Retriever, filters: dict[str, Any] | None, given: Mapping[str, object]) -> dict[str, Any]:
    """Return the parameters of a run, and for those that it leaves out the ones of the component."""
    chosen = {name: getattr(retriever, name) if value is None else value for name, value in given.items()}
    return {"filters": apply_filter_policy(retriever.filter_policy, retriever.filters, filters), **chosen}
