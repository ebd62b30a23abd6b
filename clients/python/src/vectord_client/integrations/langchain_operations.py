"""The operations of the LangChain store, as steps that its sync and async methods run."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Any

import msgspec
import numpy as np
from langchain_core.documents import Document
from langchain_core.vectorstores.utils import maximal_marginal_relevance

from vectord_client.errors import ArgumentInvalid
from vectord_client.hits import Hit
from vectord_client.integrations.access import IndexAccess
from vectord_client.integrations.langchain_filters import row_filter
from vectord_client.integrations.plain import plain
from vectord_client.integrations.steps import Call, Steps
from vectord_client.rows.id_lists import check_several, checked_id, checked_ids
from vectord_client.values import Row

Scored = list[tuple[Document, float]]


class TextToAdd(msgspec.Struct, frozen=True):
    """A text with its id and the metadata of its row."""

    id: str
    text: str
    row: dict[str, Any]


def texts_to_add(
    texts: Iterable[str],
    metadatas: Iterable[dict[str, Any] | None] | None,
    ids: Iterable[str | None] | None,
) -> list[TextToAdd]:
    """Return texts with their ids and metadata; a missing id is a new UUID.

    Raises:
        ValueError: the numbers of texts, metadata and ids differ, texts or ids are one text, a text or an id is not
            text, or JSON cannot represent metadata.
    """
    check_several(texts, "texts")
    for name, given in (("metadatas", metadatas), ("ids", ids)):
        if given is not None:
            check_several(given, name)
    texts = list(texts)
    metadatas = list(metadatas or ()) or [None] * len(texts)
    ids = list(ids or ()) or [None] * len(texts)
    for name, values in (("metadatas", metadatas), ("ids", ids)):
        if len(values) != len(texts):
            raise ValueError(f"There are {len(texts)} texts and {len(values)} {name}. Give one for each text.")
    for at, text in enumerate(texts):
        if not isinstance(text, str):
            raise ArgumentInvalid(f"texts[{at}] must be a text, not {type(text).__name__}.")
    return [
        TextToAdd(
            checked_id(id or str(uuid.uuid4()), f"ids[{at}]"),
            text,
            {"text": text, "metadata": plain(metadata or {}, f"metadatas[{at}]")},
        )
        for at, (text, metadata, id) in enumerate(zip(texts, metadatas, ids, strict=True))
    ]


def batches(entries: Sequence[TextToAdd], size: int) -> Iterator[Sequence[TextToAdd]]:
    """Yield entries in batches of `size`, the last of which may be smaller."""
    if size < 1:
        raise ValueError(f"batch_size is {size}, and must be at least 1.")
    for start in range(0, len(entries), size):
        yield entries[start : start + size]


def add(access: IndexAccess, entries: Sequence[TextToAdd], vectors: Sequence[Sequence[float]]) -> Steps[None]:
    """Add a batch of texts with their vectors."""
    items = [(entry.id, vector, entry.row) for entry, vector in zip(entries, vectors, strict=True)]
    yield from access.add(items)


def delete(access: IndexAccess, ids: Sequence[str] | None, filter: dict[str, Any] | None) -> Steps[bool]:
    """Delete documents by ids or by filter, or all of them."""
    if ids is not None and filter is not None:
        raise ValueError("Delete by ids or by filter, not by both.")
    if ids is not None:
        yield from access.delete_ids(ids)
    elif filter:
        selected = row_filter(filter)
        yield from access.read(Call(lambda index: index.delete(filter=selected)), missing=None)
    else:
        yield from access.read(Call(lambda index: index.clear()), missing=None)
    return True


def get(access: IndexAccess, ids: Sequence[str]) -> Steps[list[Document]]:
    """Return the documents of `ids` that exist."""
    listed = checked_ids(ids)
    if not listed:
        return []
    rows: list[Row] = yield from access.read(Call(lambda index: index.get(listed, include=("metadata",))), missing=[])
    return [_document(row) for row in rows]


def search(
    access: IndexAccess,
    vector: Sequence[float] | None,
    k: int,
    *,
    filter: dict[str, Any] | None = None,
    vectors: bool = False,
    **options: Any,
) -> Steps[list[Hit]]:
    """Return the `k` nearest rows that satisfy `filter`, with their vectors if `vectors`; also those of `words`."""
    include = ("metadata", "vector") if vectors else ("metadata",)
    selected = None if filter is None else row_filter(filter)
    return (yield from access.search(vector, k, filter=selected, include=include, **options))


def ranked(hits: Iterable[Hit]) -> Scored:
    """Return the documents of matches with what orders them: score, relevance, or that of a rerank.

    A document that a rerank left out, because it has no text, has the score -inf.
    """
    listed = list(hits)
    reranked = any(hit.rerank_score is not None for hit in listed)
    return [(_document(hit), _order_of(hit, reranked)) for hit in listed]


def _order_of(hit: Hit, reranked: bool) -> float:
    found = hit.rerank_score if reranked else hit.relevance if hit.score is None else hit.score
    return -inf if found is None else found


def documents_of(hits: Iterable[Hit]) -> list[Document]:
    """Return the documents of matches."""
    return [_document(hit) for hit in hits]


def scored(hits: Iterable[Hit]) -> Scored:
    """Return the documents of matches with their distances."""
    return [(_document(hit), hit.distance) for hit in hits]


def diverse(vector: Sequence[float], hits: Sequence[Hit], k: int, lambda_mult: float) -> list[Document]:
    """Return the documents of `k` matches that maximal marginal relevance selects."""
    if not hits or k <= 0:
        return []
    vectors = [list(hit.vector or ()) for hit in hits]
    chosen = maximal_marginal_relevance(np.asarray(vector, np.float32), vectors, lambda_mult=lambda_mult, k=k)
    return [_document(hits[position]) for position in chosen]


def _document(row: Row | Hit) -> Document:
    """Return the document of a row. A row that another program wrote has its own metadata, and no text."""
    stored = row.metadata if isinstance(row.metadata, dict) else {}
    if isinstance(stored.get("text"), str) and isinstance(stored.get("metadata"), dict):
        return Document(id=row.id, page_content=stored["text"], metadata=stored["metadata"])
    text = stored.get("text")
    return Document(id=row.id, page_content=text if isinstance(text, str) else "", metadata=stored)
