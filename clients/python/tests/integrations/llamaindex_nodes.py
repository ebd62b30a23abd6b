"""Nodes, a query and a filter for the tests of the LlamaIndex store."""

from math import cos, radians, sin
from typing import Any

from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores import (
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
)


def node(id: str, degrees: float, document: str | None = None, **metadata: Any) -> TextNode:
    """Return a node whose embedding is the unit vector at an angle."""
    relations = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=document)} if document else {}
    angle = radians(degrees)
    embedding = [cos(angle), sin(angle)]
    return TextNode(id_=id, text=f"text of {id}", embedding=embedding, metadata=metadata, relationships=relations)


FILMS = [
    node("alien", 0, "scott.txt", year=1979, genre=["horror", "scifi"], title="Alien"),
    node("heat", 40, "mann.txt", year=1995, genre=["crime"], title="Heat"),
    node("thief", 60, "mann.txt", year=1981, genre=[], title="Thief"),
    node("stalker", 170, None, year=1979, title=None),
]


def query(degrees: float = 0, k: int = 10, **options: Any) -> VectorStoreQuery:
    return VectorStoreQuery(
        query_embedding=[cos(radians(degrees)), sin(radians(degrees))], similarity_top_k=k, **options
    )


def where(key: str, value: Any, operator: FilterOperator = FilterOperator.EQ) -> MetadataFilters:
    return MetadataFilters(filters=[MetadataFilter(key=key, value=value, operator=operator)])
