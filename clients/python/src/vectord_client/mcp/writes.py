"""The tools that change indexes. They exist only where the server was started with `--write`."""

import json
from typing import Annotated, Any, Final

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, ConfigDict, Field

from vectord_client.client import Client
from vectord_client.mcp import answers
from vectord_client.mcp.reads import Filter, IndexName

MAX_ITEMS: Final = 100
MAX_IDS: Final = 1_000  # of a deletion
_EXAMPLE: Final = {"id": "alien", "text": "A crew in space.", "metadata": {"year": 1979}}


class NewVector(BaseModel):
    """A vector to add: an id, exactly one of text and vector, and perhaps metadata."""

    model_config = ConfigDict(extra="forbid")

    id: str
    text: str | None = Field(None, description="Embedded with the model of the index. It is not stored.")
    vector: list[float] | None = None
    metadata: Any = Field(None, description="Any JSON value; put the text into it to read it later.")


class WriteTools:
    """The tools that change indexes, on one client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.functions = (self.add_vectors, self.delete_vectors)

    def add_vectors(
        self,
        index: IndexName,
        vectors: Annotated[list[NewVector], Field(min_length=1, max_length=MAX_ITEMS, examples=[[_EXAMPLE]])],
    ) -> answers.AddedVectors:
        """Add vectors to an index, or replace those with the same ids. All are added, or none if one is not valid.

        Each has exactly one of text and vector; all of a call have the same one.
        """
        texts = [one.text for one in vectors if one.text is not None]
        numbers = [one.vector for one in vectors if one.vector is not None]
        if (len(texts), len(numbers)) not in {(len(vectors), 0), (0, len(vectors))}:
            raise ToolError(
                "Give each vector exactly one of text and vector, and all of a call the same one. Example: "
                f"{json.dumps({'vectors': [_EXAMPLE]})}"
            )
        added = self._client.index(index).add(
            ids=[one.id for one in vectors],
            metadata=[one.metadata for one in vectors],
            **({"texts": texts} if texts else {"vectors": numbers}),
        )
        return {"added": added.added, "replaced": added.replaced, "count": added.count}

    def delete_vectors(
        self,
        index: IndexName,
        ids: Annotated[list[str] | None, Field(min_length=1, max_length=MAX_IDS, examples=[["alien", "heat"]])] = None,
        filter: Filter = None,
        dry_run: Annotated[bool, Field(description="Only count what would be deleted.", examples=[True])] = False,
    ) -> answers.DeletedVectors:
        """Delete vectors by ids or by filter. A filter that matches every vector is refused. Use dry_run first."""
        if (ids is None) == (filter is None):
            given = "neither" if ids is None else "both"
            raise ToolError(f'Give exactly one of ids and filter; this call has {given}. Example: {{"ids": ["alien"]}}')
        if filter is not None and not dry_run:
            self._check_matches_some(index, filter)
        deleted = self._client.index(index).delete(ids=ids, filter=filter, dry_run=dry_run)
        return {"deleted": deleted.deleted, "count": deleted.count, "dry_run": dry_run}

    def _check_matches_some(self, index: str, filter: dict[str, Any]) -> None:
        """Refuse a filter that matches every vector, however it is written."""
        found = self._client.index(index)
        total = found.count()
        if total and found.count(filter) >= total:
            raise ToolError(
                f"The filter matches all {total:,} vectors of the index. Give the ids, or a narrower filter."
            )
