"""The operations of the Haystack document store, as steps that its sync and async methods run."""

from collections.abc import Sequence, Set
from math import exp
from typing import Any, Final, TypedDict

from haystack.dataclasses import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy
from haystack.errors import FilterError

from vectord_client.hits import Hit
from vectord_client.integrations.access import IndexAccess, Item
from vectord_client.integrations.conditional import add_conditionally
from vectord_client.integrations.haystack_documents import EMBEDDED, dates_of, document_of, metadata_of
from vectord_client.integrations.haystack_filters import row_filter
from vectord_client.integrations.plain import plain
from vectord_client.integrations.steps import Call, EachRow, Steps
from vectord_client.values import Deleted, Patched, Row
from vectord_client.wire.encode import AsOf

Filters = dict[str, Any] | None
_SHOWN: Final = 5  # ids in an error message
_SCALING: Final = 8.0  # of relevances: BM25_SCALING_FACTOR of haystack.document_stores.in_memory


class Retrieval(TypedDict, total=False):
    """The parameters of a retrieval, and those of `Index.search` that it may have as well."""

    filters: Filters
    top_k: int
    scale_score: bool
    return_embedding: bool
    recall: float
    ef_search: int
    max_distance: float
    consistency: str
    max_staleness: float
    as_of: AsOf


def count(access: IndexAccess, filters: Filters = None) -> Steps[int]:
    """Return the number of documents that satisfy `filters`, or of all."""
    selected = row_filter(filters) if filters else None
    found: int = yield from access.read(Call(lambda index: index.count(filter=selected)), missing=0)
    return found


def list_documents(access: IndexAccess, filters: Filters, embeddings: bool) -> Steps[list[Document]]:
    """Return the documents that satisfy `filters`, or all, with their embeddings if `embeddings`."""
    selected, documents = row_filter(filters) if filters else None, list[Document]()
    listing = EachRow(
        lambda index: index.rows(filter=selected, vectors=embeddings),
        lambda row: documents.append(document_of(row.id, row.metadata, row.vector)),
    )
    yield from access.read(listing, missing=None)
    return documents


def retrieve(
    access: IndexAccess,
    query_embedding: Sequence[float],
    *,
    filters: Filters = None,
    top_k: int = 10,
    scale_score: bool = False,
    return_embedding: bool = False,
    **options: Any,
) -> Steps[list[Document]]:
    """Return the `top_k` documents nearest to an embedding, most similar first, with scores.

    Raises:
        ValueError: the embedding is empty.
    """
    hits: list[Hit] = yield from access.search(
        _embedding(query_embedding),
        top_k,
        filter=_embedded(filters),
        include=_included(return_embedding),
        **options,
    )
    return [document_of(hit.id, hit.metadata, hit.vector, _score(access, hit, scale_score)) for hit in hits]


def retrieve_by_words(
    access: IndexAccess,
    query: str,
    *,
    filters: Filters = None,
    top_k: int = 10,
    scale_score: bool = False,
    return_embedding: bool = False,
    **options: Any,
) -> Steps[list[Document]]:
    """Return the `top_k` documents that are most relevant to the words of a query, with scores."""
    hits: list[Hit] = yield from access.search(
        None,
        top_k,
        words=query,
        filter=row_filter(filters) if filters else None,
        include=_included(return_embedding),
        **options,
    )
    return [document_of(hit.id, hit.metadata, hit.vector, _relevance(hit, scale_score)) for hit in hits]


def retrieve_hybrid(
    access: IndexAccess,
    query: str,
    query_embedding: Sequence[float],
    *,
    filters: Filters = None,
    top_k: int = 10,
    return_embedding: bool = False,
    **options: Any,
) -> Steps[list[Document]]:
    """Return the `top_k` best documents by the ranks of both lists, with the scores of the fusion.

    Raises:
        ValueError: the embedding is empty.
    """
    hits: list[Hit] = yield from access.search(
        _embedding(query_embedding),
        top_k,
        words=query,
        filter=_embedded(filters),
        include=_included(return_embedding),
        **options,
    )
    return [document_of(hit.id, hit.metadata, hit.vector, hit.score) for hit in hits]


def write(access: IndexAccess, documents: Sequence[Document], policy: DuplicatePolicy, dimension: int) -> Steps[int]:
    """Write documents, and return how many were written.

    `dimension` is that of an index to create for documents without embeddings.

    Raises:
        ValueError: `documents` is not a list of documents.
        DuplicateDocumentError: the policy is FAIL or NONE, and an id exists or is repeated.
    """
    if not isinstance(documents, list) or not all(isinstance(document, Document) for document in documents):
        raise ValueError("documents must be a list of haystack.Document.")
    if not documents:
        return 0
    items = yield from _items(access, documents, dimension)
    if policy is DuplicatePolicy.OVERWRITE:
        yield from access.add(items)
        return len(documents)
    return (yield from _write_new(access, items, skip=policy is DuplicatePolicy.SKIP))


def delete_by_filter(access: IndexAccess, filters: Filters) -> Steps[int]:
    """Delete the documents that satisfy `filters`, and return their number."""
    selected = _required(filters)
    deleted: Deleted | None = yield from access.read(Call(lambda index: index.delete(filter=selected)), missing=None)
    return deleted.deleted if deleted else 0


def delete_all(access: IndexAccess, recreate: bool) -> Steps[None]:
    """Delete all documents; with `recreate` the index itself, which the next write creates again."""
    if recreate:
        yield from access.read(Call(lambda index: index.drop()), missing=None)
        access.forget()
    else:
        yield from access.read(Call(lambda index: index.clear()), missing=None)


def update_by_filter(access: IndexAccess, filters: Filters, meta: dict[str, Any]) -> Steps[int]:
    """Set members of `meta` of the documents that satisfy `filters`, and return their number.

    A merge patch changes them in one commit. It can neither set None nor replace a dict: rows are then read and written
    back, under the condition that the index did not change in between.
    """
    selected, changes = _required(filters), plain(meta, "meta")
    if any(value is None or isinstance(value, dict) for value in changes.values()):
        return (yield from _rewrite(access, selected, changes))
    patch = {"meta": changes, "dates": {key: dates_of(value) for key, value in changes.items()}}
    patched: Patched | None = yield from access.read(
        Call(lambda index: index.patch(patch, filter=selected)), missing=None
    )
    return patched.patched if patched else 0


def _score(access: IndexAccess, hit: Hit, scale: bool) -> float:
    """Return the similarity of a match; with `scale` on a scale from 0 to 1: half of 1 + cosine, or 1 / (1 + d)."""
    similarity = access.similarity(hit.distance)
    return (1.0 + similarity) / 2.0 if scale and access.distance == "cosine" else similarity


def _relevance(hit: Hit, scale: bool) -> float:
    """Return the relevance of a match; with `scale` from 0.5 to 1, by the function of Haystack's in-memory store."""
    relevance = hit.relevance or 0.0
    return 1.0 / (1.0 + exp(-relevance / _SCALING)) if scale else relevance


def _embedding(given: Sequence[float]) -> Sequence[float]:
    if not len(given):
        raise ValueError("query_embedding must be a list of numbers that is not empty.")
    return given


def _embedded(filters: Filters) -> dict[str, Any]:
    """Return the filter of documents that have an embedding and satisfy `filters`."""
    return {"$and": [EMBEDDED, row_filter(filters)]} if filters else EMBEDDED


def _included(embedding: bool) -> tuple[str, ...]:
    return ("metadata", "vector") if embedding else ("metadata",)


def _required(filters: Filters) -> dict[str, Any]:
    if not filters:
        raise FilterError("The filter is empty. To delete all documents call delete_all_documents().")
    return row_filter(filters)


def _items(access: IndexAccess, documents: Sequence[Document], dimension: int) -> Steps[list[Item]]:
    """Return documents as items to add; those without an embedding get a placeholder."""
    lengths = [len(document.embedding) for document in documents if document.embedding is not None]
    if not lengths:
        parameters = yield from access.parameters()
        lengths = [parameters.dimension if parameters else dimension]
    placeholder = [1.0] + [0.0] * (lengths[0] - 1)
    return [
        (document.id, placeholder if document.embedding is None else document.embedding, metadata_of(document))
        for document in documents
    ]


def _write_new(access: IndexAccess, items: Sequence[Item], skip: bool) -> Steps[int]:
    """Write the items whose ids are new; without `skip` all of them must be.

    The ids are looked up in a state of the index, and the write is conditional on that state.
    """
    unique: dict[str, Item] = {}
    for item in items:
        unique.setdefault(item[0], item)  # of several items with an id the first counts
    if len(unique) < len(items) and not skip:
        raise DuplicateDocumentError("Several of the documents have the same id.")

    def new_items(added: Set[str]) -> Steps[list[Item]]:
        remaining = {id: item for id, item in unique.items() if id not in added}
        rows: list[Row] = yield from access.read(Call(lambda index: index.get(list(remaining), include=())), missing=[])
        existing = {row.id for row in rows}
        if existing and not skip:
            raise DuplicateDocumentError(f"Documents with these ids exist: {', '.join(sorted(existing)[:_SHOWN])}.")
        return [item for id, item in remaining.items() if id not in existing]

    return (yield from add_conditionally(access, new_items, len(items[0][1])))


def _rewrite(access: IndexAccess, selected: dict[str, Any], changes: dict[str, Any]) -> Steps[int]:
    """Read the selected rows and write them back with changed members of `meta`."""

    def changed_items(added: Set[str]) -> Steps[list[Item]]:
        rows: list[Row] = []
        yield EachRow(lambda index: index.rows(filter=selected, vectors=True), rows.append)
        return [(row.id, row.vector or (), _with_meta(row.metadata, changes)) for row in rows if row.id not in added]

    parameters = yield from access.parameters()
    if parameters is None:
        return 0
    return (yield from add_conditionally(access, changed_items, parameters.dimension))


def _with_meta(metadata: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    meta = {**metadata.get("meta", {}), **changes}
    dates = dates_of(meta)
    kept = {name: value for name, value in metadata.items() if name != "dates"}
    return {**kept, "meta": meta} if dates is None else {**kept, "meta": meta, "dates": dates}
