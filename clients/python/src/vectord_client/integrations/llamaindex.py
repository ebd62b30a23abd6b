"""A vector store of LlamaIndex on an index of vectord, sync and async. Its page is docs/llamaindex.md."""

from collections.abc import Sequence
from typing import Any

from vectord_client.errors import MissingExtra

try:
    from llama_index.core.bridge.pydantic import PrivateAttr
    from llama_index.core.schema import BaseNode
    from llama_index.core.vector_stores.types import (
        BasePydanticVectorStore,
        MetadataFilters,
        VectorStoreQuery,
        VectorStoreQueryResult,
    )
except ImportError as error:
    raise MissingExtra(
        "The LlamaIndex adapter needs packages that are not installed: pip install 'vectord-client[llamaindex]'."
    ) from error

from vectord_client.aio import AsyncClient
from vectord_client.client import Client
from vectord_client.integrations import llamaindex_operations as operations
from vectord_client.integrations.access import Distance, IndexAccess
from vectord_client.integrations.clients import Clients
from vectord_client.integrations.llamaindex_nodes import TEXT_PATH
from vectord_client.integrations.models import StoreModel
from vectord_client.integrations.text_search import TextSearch, store_text


class VectordVectorStore(BasePydanticVectorStore):
    """A vector store of LlamaIndex. The index is created by the first add, with the dimension of its embeddings.

    `target` is that of `Client`: a URL or a folder, by default VECTORD_URL. `distance` is that of an index to create
    (by default cosine); an existing index must have it. `embedding_model` names the model of the embeddings: a new
    index records it, and an index that records another one is refused. With `text_search` an index to create declares
    the texts of nodes as a text field: True, or its options, such as {"language": "german"}.
    """

    stores_text: bool = True
    flat_metadata: bool = False

    index_name: str = "llamaindex"
    target: str | None = None
    distance: Distance | None = None
    embedding_model: str | None = None
    text_search: TextSearch = False

    _access: IndexAccess = PrivateAttr()

    def __init__(
        self,
        index_name: str = "llamaindex",
        *,
        target: str | None = None,
        auth: Any = None,
        client: Client | None = None,
        async_client: AsyncClient | None = None,
        distance: Distance | None = None,
        embedding_model: str | None = None,
        text_search: TextSearch = False,
        **kwargs: Any,
    ) -> None:
        """Use the index `index_name` at `target`, or of `client` and `async_client`; `auth` is that of `Client`.

        `auth` and the clients are not serialized: a copy of the store reads VECTORD_AUTH and VECTORD_TOKEN.

        Raises:
            ArgumentInvalid: no index can have the name or the distance, `embedding_model` is not a name, or
                `text_search` not an option.
        """
        clients, model = Clients(target, auth, client, async_client), StoreModel(stated=embedding_model)
        text = store_text(TEXT_PATH, text_search)
        access = IndexAccess(index_name, clients, distance=distance, model=model, text=text)
        own = {"index_name": index_name, "target": target, "distance": distance, "embedding_model": embedding_model}
        super().__init__(**{**kwargs, **own, "text_search": text_search})
        self._access = access

    @classmethod
    def class_name(cls) -> str:
        """Return the name of the class in serialized data."""
        return "VectordVectorStore"

    @property
    def client(self) -> Client:
        """The sync client."""
        return self._access.clients.sync

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Add or replace nodes with their embeddings, and return their ids."""
        return self._access.run(operations.add(self._access, nodes))

    async def async_add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Add nodes as `add` does."""
        return await self._access.arun(operations.add(self._access, nodes))

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Delete the nodes of the document `ref_doc_id`."""
        self._access.run(operations.delete_document(self._access, ref_doc_id))

    async def adelete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Delete the nodes of a document as `delete` does."""
        await self._access.arun(operations.delete_document(self._access, ref_doc_id))

    def delete_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None, **delete_kwargs: Any
    ) -> None:
        """Delete nodes by ids, by filters, or those of `node_ids` that satisfy `filters`."""
        self._access.run(operations.delete_nodes(self._access, node_ids, filters))

    async def adelete_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None, **delete_kwargs: Any
    ) -> None:
        """Delete nodes as `delete_nodes` does."""
        await self._access.arun(operations.delete_nodes(self._access, node_ids, filters))

    def clear(self) -> None:
        """Delete all nodes. The index stays."""
        self._access.run(operations.clear(self._access))

    async def aclear(self) -> None:
        """Delete all nodes as `clear` does."""
        await self._access.arun(operations.clear(self._access))

    def get_nodes(self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None) -> list[BaseNode]:
        """Return nodes by ids, by filters, by both, or all, without their embeddings."""
        return self._access.run(operations.get_nodes(self._access, node_ids, filters))

    async def aget_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """Return nodes as `get_nodes` does."""
        return await self._access.arun(operations.get_nodes(self._access, node_ids, filters))

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Return the nodes nearest to the query's embedding, in the mode `default` or `mmr`; or by words.

        In the mode `text_search` they are the most relevant ones to the words of `query_str`; in the mode `hybrid` both
        ranks are joined. `kwargs` are parameters of `Index.search`, such as `recall` and `fusion`, and of MMR:
        `mmr_threshold`, `mmr_prefetch_factor`, `mmr_prefetch_k`.
        """
        return self._access.run(operations.query(self._access, query, kwargs))

    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Query as `query` does."""
        return await self._access.arun(operations.query(self._access, query, kwargs))

    def close(self) -> None:
        """Close the clients that the store made."""
        self._access.clients.close()

    async def aclose(self) -> None:
        """Close the async client of the running event loop, if the store made it."""
        await self._access.clients.aclose()
