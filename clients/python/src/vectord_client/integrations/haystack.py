"""A document store and retrievers of Haystack, sync and async. Their page is docs/haystack.md."""

from typing import Any, Unpack, cast

from vectord_client.errors import MissingExtra

try:
    from haystack import Document, component, default_from_dict, default_to_dict
    from haystack.core.serialization import allow_deserialization_module
    from haystack.document_stores.types import DuplicatePolicy, FilterPolicy
    from haystack.utils import Secret
except ImportError as error:
    raise MissingExtra(
        "The Haystack adapter needs packages that are not installed: pip install 'vectord-client[haystack]'."
    ) from error

from vectord_client.integrations import haystack_metadata as metadata
from vectord_client.integrations import haystack_operations as operations
from vectord_client.integrations.access import Distance, IndexAccess
from vectord_client.integrations.clients import Clients
from vectord_client.integrations.haystack_async import AsyncMethods
from vectord_client.integrations.haystack_operations import Retrieval
from vectord_client.integrations.haystack_retrievers import (
    VectordBM25Retriever,
    VectordHybridRetriever,
    check_retriever,
    parameters_of,
    policy_of,
)
from vectord_client.integrations.haystack_text import TEXT_PATH, TextRetrievals
from vectord_client.integrations.models import StoreModel
from vectord_client.integrations.text_search import TextSearch, store_text

__all__ = ["VectordBM25Retriever", "VectordDocumentStore", "VectordEmbeddingRetriever", "VectordHybridRetriever"]

_DIMENSION = 768  # of an index whose first documents have no embeddings, as in other stores of Haystack

# Haystack loads only classes of modules that the program allows. A program that imports this module uses its classes.
allow_deserialization_module(__name__)


class VectordDocumentStore(TextRetrievals, AsyncMethods):
    """A document store of Haystack on an index of vectord.

    The index is created by the first write. Until then the store is empty.
    """

    def __init__(
        self,
        index: str = "haystack",
        *,
        target: str | None = None,
        auth: str | None = None,
        token: Secret | None = None,
        embedding_dimension: int | None = None,
        distance: Distance | None = None,
        embedding_model: str | None = None,
        return_embedding: bool = True,
        text_search: TextSearch = False,
    ) -> None:
        """Use the index `index` at `target`: a URL or a folder, by default VECTORD_URL.

        `auth` is "iam" or "none", and `token` a JWT instead of it; by default VECTORD_AUTH and VECTORD_TOKEN say.
        `embedding_dimension` is that of an index to create: by default that of the first embedding, and 768 if the
        first documents have none. `distance` is that of an index to create (by default cosine). `embedding_model` names
        the model of the embeddings, which a new index records. The first operation compares an existing index with
        these three. With `return_embedding` filter_documents returns embeddings. With `text_search` an index to create
        declares the content of documents as a text field: True, or its options, such as {"language": "german"}.

        Raises:
            ArgumentInvalid: no index can have the name, the dimension or the distance, `embedding_model` is not a name,
                or `text_search` not an option.
        """
        self.index, self.target, self.auth, self.token = index, target, auth, token
        self.embedding_dimension, self.distance, self.embedding_model = embedding_dimension, distance, embedding_model
        self.return_embedding, self.text_search = return_embedding, text_search
        self._dimension = embedding_dimension or _DIMENSION
        self._access = IndexAccess(
            index,
            Clients(target, token.resolve_value if token else auth),
            distance=distance,
            dimension=embedding_dimension,
            model=StoreModel(stated=embedding_model),
            text=store_text(TEXT_PATH, text_search),
        )

    def to_dict(self) -> dict[str, Any]:
        """Serialize the store; a token is serialized only as the name of an environment variable."""
        return default_to_dict(
            self,
            index=self.index,
            target=self.target,
            auth=self.auth,
            token=self.token,
            embedding_dimension=self.embedding_dimension,
            distance=self.distance,
            embedding_model=self.embedding_model,
            return_embedding=self.return_embedding,
            text_search=self.text_search,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "VectordDocumentStore":
        """Return the store that `to_dict` serialized."""
        return default_from_dict(cls, data)

    def count_documents(self) -> int:
        """Return the number of documents."""
        return self._access.run(operations.count(self._access))

    def filter_documents(self, filters: dict[str, Any] | None = None) -> list[Document]:
        """Return the documents that satisfy `filters`, or all, in no particular order."""
        return self._access.run(operations.list_documents(self._access, filters, self.return_embedding))

    def write_documents(self, documents: list[Document], policy: DuplicatePolicy = DuplicatePolicy.NONE) -> int:
        """Write documents, and return how many were written. NONE means FAIL.

        Raises:
            DuplicateDocumentError: the policy is FAIL, and an id exists or is repeated.
        """
        return self._access.run(operations.write(self._access, documents, policy, self._dimension))

    def delete_documents(self, document_ids: list[str]) -> None:
        """Delete documents by ids; ids that do not exist are ignored."""
        self._access.run(self._access.delete_ids(document_ids, "document_ids"))

    def delete_all_documents(self, recreate_index: bool = False) -> None:
        """Delete all documents; with `recreate_index` the index itself, which the next write creates again."""
        steps = operations.delete_all(self._access, recreate_index)
        self._access.run(steps, check=not recreate_index)

    def delete_by_filter(self, filters: dict[str, Any]) -> int:
        """Delete the documents that satisfy `filters`, and return their number."""
        return self._access.run(operations.delete_by_filter(self._access, filters))

    def update_by_filter(self, filters: dict[str, Any], meta: dict[str, Any]) -> int:
        """Set members of `meta` of the documents that satisfy `filters`, and return their number."""
        return self._access.run(operations.update_by_filter(self._access, filters, meta))

    def count_documents_by_filter(self, filters: dict[str, Any]) -> int:
        """Return the number of documents that satisfy `filters`."""
        return self._access.run(operations.count(self._access, filters))

    def count_unique_metadata_by_filter(self, filters: dict[str, Any], metadata_fields: list[str]) -> dict[str, int]:
        """Return how many distinct values each field has, in the documents that satisfy `filters`."""
        return self._access.run(metadata.count_unique(self._access, filters, metadata_fields))

    def get_metadata_fields_info(self) -> dict[str, dict[str, str]]:
        """Return the type of each key of `meta`: keyword, int, float or boolean. It reads all documents."""
        return self._access.run(metadata.fields_info(self._access))

    def get_metadata_field_min_max(self, metadata_field: str) -> dict[str, Any]:
        """Return the minimum and the maximum of a field: of its numbers; without numbers of its texts."""
        return self._access.run(metadata.minimum_maximum(self._access, metadata_field))

    def get_metadata_field_unique_values(
        self,
        metadata_field: str,
        search_term: str | None = None,
        from_: int = 0,
        size: int = 10,
        filters: dict[str, Any] | None = None,
    ) -> tuple[list[Any], int]:
        """Return a page of the distinct values of a field, ordered by their text, and the number of all."""
        steps = metadata.unique_values(self._access, metadata_field, search_term, filters, start=from_, size=size)
        return self._access.run(steps)

    def embedding_retrieval(self, query_embedding: list[float], **parameters: Unpack[Retrieval]) -> list[Document]:
        """Return the documents nearest to an embedding, most similar first; those without an embedding are left out.

        `parameters` are `filters`, `top_k` (10), `scale_score`, `return_embedding`, and those of `Index.search` such as
        `recall`. The score is the cosine similarity, or 1 / (1 + distance) for euclidean; with `scale_score` it is from
        0 to 1.
        """
        return self._access.run(operations.retrieve(self._access, query_embedding, **parameters))

    def close(self) -> None:
        """Close the clients that the store made."""
        self._access.clients.close()

    async def close_async(self) -> None:
        """Close the async client of the running event loop."""
        await self._access.clients.aclose()


@component
class VectordEmbeddingRetriever:
    """A component of Haystack that retrieves the documents nearest to an embedding."""

    def __init__(
        self,
        document_store: VectordDocumentStore,
        *,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
        scale_score: bool = False,
        return_embedding: bool = False,
        filter_policy: str | FilterPolicy = FilterPolicy.REPLACE,
        recall: float | None = None,
    ) -> None:
        """Retrieve from `document_store`.

        `filter_policy` says whether the filters of a run replace `filters` or are merged with them. `recall` is the
        target recall of searches. The other parameters are those of `embedding_retrieval`, and a run can replace them.

        Raises:
            TypeError: `document_store` is not a VectordDocumentStore.
            ValueError: `top_k` is less than 1.
        """
        check_retriever(document_store, top_k)
        self.document_store, self.filters, self.top_k, self.recall = document_store, filters, top_k, recall
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
            recall=self.recall,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "VectordEmbeddingRetriever":
        """Return the component that `to_dict` serialized."""
        return default_from_dict(cls, data)

    @component.output_types(documents=list[Document])
    def run(
        self,
        query_embedding: list[float],
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
        scale_score: bool | None = None,
        return_embedding: bool | None = None,
    ) -> dict[str, list[Document]]:
        """Return the nearest documents as `documents`."""
        parameters = self._parameters(filters, top_k, scale_score, return_embedding)
        return {"documents": self.document_store.embedding_retrieval(query_embedding, **parameters)}

    @component.output_types(documents=list[Document])
    async def run_async(
        self,
        query_embedding: list[float],
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
        scale_score: bool | None = None,
        return_embedding: bool | None = None,
    ) -> dict[str, list[Document]]:
        """Return the nearest documents as `documents`."""
        parameters = self._parameters(filters, top_k, scale_score, return_embedding)
        return {"documents": await self.document_store.embedding_retrieval_async(query_embedding, **parameters)}

    def _parameters(
        self,
        filters: dict[str, Any] | None,
        top_k: int | None,
        scale_score: bool | None,
        return_embedding: bool | None,
    ) -> Retrieval:
        given = {"top_k": top_k, "scale_score": scale_score, "return_embedding": return_embedding}
        parameters = cast("Retrieval", parameters_of(self, filters, given))
        return parameters if self.recall is None else {**parameters, "recall": self.recall}
