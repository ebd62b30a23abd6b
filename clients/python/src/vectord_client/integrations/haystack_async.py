"""The async methods of the Haystack document store. Each does what the method without `_async` does."""

from typing import Any, Unpack

from haystack import Document
from haystack.document_stores.types import DuplicatePolicy

from vectord_client.integrations import haystack_metadata as metadata
from vectord_client.integrations import haystack_operations as operations
from vectord_client.integrations.access import IndexAccess
from vectord_client.integrations.haystack_operations import Retrieval


class AsyncMethods:
    """The async half of `VectordDocumentStore`."""

    _access: IndexAccess
    return_embedding: bool
    _dimension: int

    async def count_documents_async(self) -> int:
        """Return the number of documents."""
        return await self._access.arun(operations.count(self._access))

    async def filter_documents_async(self, filters: dict[str, Any] | None = None) -> list[Document]:
        """Return the documents that satisfy `filters`, or all."""
        return await self._access.arun(operations.list_documents(self._access, filters, self.return_embedding))

    async def write_documents_async(
        self, documents: list[Document], policy: DuplicatePolicy = DuplicatePolicy.NONE
    ) -> int:
        """Write documents, and return how many were written."""
        return await self._access.arun(operations.write(self._access, documents, policy, self._dimension))

    async def delete_documents_async(self, document_ids: list[str]) -> None:
        """Delete documents by ids; ids that do not exist are ignored."""
        await self._access.arun(self._access.delete_ids(document_ids, "document_ids"))

    async def delete_all_documents_async(self, recreate_index: bool = False) -> None:
        """Delete all documents."""
        steps = operations.delete_all(self._access, recreate_index)
        await self._access.arun(steps, check=not recreate_index)

    async def delete_by_filter_async(self, filters: dict[str, Any]) -> int:
        """Delete the documents that satisfy `filters`, and return their number."""
        return await self._access.arun(operations.delete_by_filter(self._access, filters))

    async def update_by_filter_async(self, filters: dict[str, Any], meta: dict[str, Any]) -> int:
        """Set members of `meta` of the documents that satisfy `filters`, and return their number."""
        return await self._access.arun(operations.update_by_filter(self._access, filters, meta))

    async def count_documents_by_filter_async(self, filters: dict[str, Any]) -> int:
        """Return the number of documents that satisfy `filters`."""
        return await self._access.arun(operations.count(self._access, filters))

    async def count_unique_metadata_by_filter_async(
        self, filters: dict[str, Any], metadata_fields: list[str]
    ) -> dict[str, int]:
        """Return how many distinct values each field has, in the documents that satisfy `filters`."""
        return await self._access.arun(metadata.count_unique(self._access, filters, metadata_fields))

    async def get_metadata_fields_info_async(self) -> dict[str, dict[str, str]]:
        """Return the type of each key of `meta`: keyword, int, float or boolean."""
        return await self._access.arun(metadata.fields_info(self._access))

    async def get_metadata_field_min_max_async(self, metadata_field: str) -> dict[str, Any]:
        """Return the minimum and the maximum of a field."""
        return await self._access.arun(metadata.minimum_maximum(self._access, metadata_field))

    async def get_metadata_field_unique_values_async(
        self,
        metadata_field: str,
        search_term: str | None = None,
        from_: int = 0,
        size: int = 10,
        filters: dict[str, Any] | None = None,
    ) -> tuple[list[Any], int]:
        """Return a page of the distinct values of a field, and the number of all."""
        steps = metadata.unique_values(self._access, metadata_field, search_term, filters, start=from_, size=size)
        return await self._access.arun(steps)

    async def embedding_retrieval_async(
        self, query_embedding: list[float], **parameters: Unpack[Retrieval]
    ) -> list[Document]:
        """Return the documents nearest to an embedding, most similar first."""
        return await self._access.arun(operations.retrieve(self._access, query_embedding, **parameters))
