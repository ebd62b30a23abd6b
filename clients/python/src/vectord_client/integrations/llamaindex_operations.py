"""The operations of the LlamaIndex store, as steps that its sync and async methods run."""

from collections.abc import Sequence
from typing import Any, Final

from llama_index.core.indices.query.embedding_utils import get_top_k_mmr_embeddings
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores import (
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)
from llama_index.core.vector_stores.types import VectorStoreQueryMode

from vectord_client.hits import Hit
from vectord_client.integrations.access import IndexAccess
from vectord_client.integrations.llamaindex_filters import row_filter
from vectord_client.integrations.llamaindex_nodes import metadata_of, node_of
from vectord_client.integrations.steps import Call, EachRow, Steps
from vectord_client.rows.id_lists import checked_ids

_BY_WORDS: Final = (VectorStoreQueryMode.HYBRID, VectorStoreQueryMode.TEXT_SEARCH)
_MODES: Final = (VectorStoreQueryMode.DEFAULT, VectorStoreQueryMode.MMR, *_BY_WORDS)
_CANDIDATES: Final = 100  # of each list of a hybrid query, at least
_MOST_CANDIDATES: Final = 1_000
_LEAST_WEIGHT: Final = 1e-6  # a weight of the service is not 0
_PREFETCH: Final = 4.0  # matches that MMR chooses from, for each that it returns


def add(access: IndexAccess, nodes: Sequence[BaseNode]) -> Steps[list[str]]:
    """Add or replace nodes, and return their ids.

    Raises:
        ValueError: a node has no embedding.
    """
    if not nodes:
        return []
    yield from access.add([(node.node_id, node.get_embedding(), metadata_of(node)) for node in nodes])
    return [node.node_id for node in nodes]


def delete_document(access: IndexAccess, ref_doc_id: str) -> Steps[None]:
    """Delete the nodes of a document."""
    yield from access.read(Call(lambda index: index.delete(filter={"ref_doc_id": ref_doc_id})), missing=None)


def delete_nodes(access: IndexAccess, node_ids: Sequence[str] | None, filters: MetadataFilters | None) -> Steps[None]:
    """Delete nodes by ids, by filters, or by both: those of `node_ids` that satisfy `filters`."""
    if node_ids is None and not (filters and filters.filters):
        raise ValueError("Give node_ids or filters. To delete all nodes, call clear().")
    if not (filters and filters.filters):
        yield from access.delete_ids([] if node_ids is None else node_ids, "node_ids")
        return
    selected = _selected(node_ids, None, filters)
    yield from access.read(Call(lambda index: index.delete(filter=selected)), missing=None)


def clear(access: IndexAccess) -> Steps[None]:
    """Delete all nodes."""
    yield from access.read(Call(lambda index: index.clear()), missing=None)


def get_nodes(
    access: IndexAccess, node_ids: Sequence[str] | None, filters: MetadataFilters | None
) -> Steps[list[BaseNode]]:
    """Return nodes by ids, by filters, by both, or all, without their embeddings."""
    nodes: list[BaseNode] = []
    if node_ids is not None and not (filters and filters.filters):
        ids = checked_ids(node_ids, "node_ids")
        if ids:
            rows = yield from access.read(Call(lambda index: index.get(ids, include=("metadata",))), missing=[])
            nodes += [node_of(row.metadata) for row in rows]
        return nodes
    selected = _selected(node_ids, None, filters)
    listing = EachRow(lambda index: index.rows(filter=selected), lambda row: nodes.append(node_of(row.metadata)))
    yield from access.read(listing, missing=None)
    return nodes


def query(access: IndexAccess, query: VectorStoreQuery, options: dict[str, Any]) -> Steps[VectorStoreQueryResult]:
    """Return the nodes of a query with their similarities; by words, with their relevances or scores.

    Raises:
        ValueError: the mode is not supported, or the query lacks the embedding or the words that the mode needs.
    """
    _check(query)
    # LlamaIndex's retriever means no restriction by an empty list.
    nodes = checked_ids(query.node_ids or [], "node_ids")
    documents = checked_ids(query.doc_ids or [], "doc_ids")
    selected = _selected(nodes or None, documents or None, query.filters)
    vector = query.query_embedding
    if query.mode is VectorStoreQueryMode.MMR and vector is not None:
        hits = yield from _diverse(access, query, vector, selected, options)
    elif query.mode in _BY_WORDS:
        hits = yield from _by_words(access, query, selected, options)
    else:
        k = query.similarity_top_k
        hits = yield from access.search(vector, k, filter=selected, include=("metadata",), **options)
    return VectorStoreQueryResult(
        nodes=[node_of(hit.metadata) for hit in hits],
        similarities=[_similarity(access, hit) for hit in hits],
        ids=[hit.id for hit in hits],
    )


def _check(query: VectorStoreQuery) -> None:
    if query.mode not in _MODES:
        known = ", ".join(mode.value for mode in _MODES)
        raise ValueError(f"The query mode {query.mode.value!r} is not supported. The modes are {known}.")
    if query.query_embedding is None and query.mode is not VectorStoreQueryMode.TEXT_SEARCH:
        raise ValueError("The query has no query_embedding. Embed its text first, as a retriever does.")
    if query.query_str is None and query.mode in _BY_WORDS:
        raise ValueError(f"The query has no query_str, whose words the mode {query.mode.value!r} looks for.")


def _similarity(access: IndexAccess, hit: Hit) -> float:
    """Return the score of a hybrid query, the relevance of one by words, else the similarity."""
    if hit.score is not None:
        return hit.score
    return access.similarity(hit.distance) if hit.relevance is None else hit.relevance


def _by_words(
    access: IndexAccess, query: VectorStoreQuery, selected: dict[str, Any] | None, options: dict[str, Any]
) -> Steps[list[Hit]]:
    """Return the matches of a query by words or a hybrid one. LlamaIndex's type of a query says which k is of which."""
    given = {"words": query.query_str, "filter": selected, "include": ("metadata",), **options}
    if query.mode is VectorStoreQueryMode.TEXT_SEARCH:
        k = query.similarity_top_k if query.sparse_top_k is None else query.sparse_top_k
        return (yield from access.search(None, k, **given))
    k = query.similarity_top_k if query.hybrid_top_k is None else query.hybrid_top_k
    given.setdefault("fusion", _fusion(query, k))
    return (yield from access.search(query.query_embedding, k, **given))


def _fusion(query: VectorStoreQuery, k: int) -> dict[str, Any]:
    """Return how a hybrid query joins its ranks: `alpha` is 0 for words and 1 for vectors; without it they count alike.

    Both lists have as many candidates as the longer one that the query wants, and at least 100.
    """
    wanted = max(_CANDIDATES, query.similarity_top_k, query.sparse_top_k or 0, -(-k // 2))
    fusion: dict[str, Any] = {"candidates": min(wanted, _MOST_CANDIDATES)}
    if query.alpha is not None:
        if not 0 <= query.alpha <= 1:
            raise ValueError(f"alpha is {query.alpha}, and must be from 0 (words) to 1 (vectors).")
        weights = {"vector": query.alpha, "text": 1 - query.alpha}
        fusion["weights"] = {name: max(weight, _LEAST_WEIGHT) for name, weight in weights.items()}
    return fusion


def _diverse(
    access: IndexAccess,
    query: VectorStoreQuery,
    vector: Sequence[float],
    selected: dict[str, Any] | None,
    options: dict[str, Any],
) -> Steps[list[Hit]]:
    """Return the matches that maximal marginal relevance selects, in its order."""
    options, k = dict(options), query.similarity_top_k
    factor = options.pop("mmr_prefetch_factor", None)
    prefetch = options.pop("mmr_prefetch_k", None)
    threshold = options.pop("mmr_threshold", query.mmr_threshold)
    if factor is not None and prefetch is not None:
        raise ValueError("Give mmr_prefetch_factor or mmr_prefetch_k, not both.")
    wanted = max(k, prefetch if prefetch is not None else int(k * (_PREFETCH if factor is None else factor)))
    hits: list[Hit] = yield from access.search(
        vector, wanted, filter=selected, include=("metadata", "vector"), **options
    )
    if not hits or k <= 0:
        return []
    _, positions = get_top_k_mmr_embeddings(
        list(vector),
        [list(hit.vector or ()) for hit in hits],
        similarity_top_k=k,
        embedding_ids=list(range(len(hits))),
        mmr_threshold=threshold,
    )
    return [hits[position] for position in positions]


def _selected(
    node_ids: Sequence[str] | None, doc_ids: Sequence[str] | None, filters: MetadataFilters | None
) -> dict[str, Any] | None:
    """Return one filter on rows that all three satisfy; None if there are none."""
    parts: list[dict[str, Any]] = []
    if node_ids is not None:
        parts.append({"id": {"$in": checked_ids(node_ids, "node_ids")}})
    if doc_ids is not None:
        parts.append({"ref_doc_id": {"$in": checked_ids(doc_ids, "doc_ids")}})
    if filters is not None and filters.filters:
        parts.append(row_filter(filters))
    return {"$and": parts} if parts else None
