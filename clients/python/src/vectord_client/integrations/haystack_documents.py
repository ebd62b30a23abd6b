"""Haystack's documents as rows of an index, and rows as documents.

The metadata of a row has `id`, `content`, `meta`, `blob` and `sparse_embedding` of the document. What is None is left
out. `dates` has the dates of `meta`, at the same paths, as seconds since 1970, so that filters compare points in time.

A document without an embedding has a placeholder as its vector and `"embedding": false`. Searches leave such rows out.
"""

import base64
from collections.abc import Iterable, Mapping
from typing import Any, Final

from haystack.dataclasses import ByteStream, Document, SparseEmbedding

from vectord_client.integrations.plain import plain, seconds

EMBEDDED: Final[dict[str, Any]] = {"embedding": {"$ne": False}}  # the filter of rows that a search may return


def dates_of(meta: Any) -> Any:
    """Return the dates in `meta` as numbers, at the same paths; None if there are none."""
    match meta:
        case dict():
            dates = {key: found for key, value in meta.items() if (found := dates_of(value)) is not None}
            return dates or None
        case list():
            found = [date for value in meta if (date := dates_of(value)) is not None]
            return found or None
    return seconds(meta)


def metadata_of(document: Document) -> dict[str, Any]:
    """Return the metadata of the row of a document.

    Raises:
        ValueError: the document's `meta` cannot be written as JSON.
    """
    meta = plain(document.meta, f"meta of document {document.id!r}")
    blob, sparse = document.blob, document.sparse_embedding
    members = {
        "id": document.id,
        "content": document.content,
        "meta": meta,
        "dates": dates_of(meta),
        "blob": None if blob is None else _blob_to_json(blob),
        "sparse_embedding": None if sparse is None else sparse.to_dict(),
        "embedding": False if document.embedding is None else None,
    }
    return {name: value for name, value in members.items() if value is not None}


def document_of(id: str, metadata: Any, vector: Iterable[float] | None = None, score: float | None = None) -> Document:
    """Return the document of a row; `vector` becomes its embedding if the document has one."""
    row = metadata if isinstance(metadata, Mapping) else {}
    blob, sparse = row.get("blob"), row.get("sparse_embedding")
    return Document(
        id=id,
        content=row.get("content"),
        meta=row.get("meta", {}),
        blob=None if blob is None else _blob_from_json(blob),
        sparse_embedding=None if sparse is None else SparseEmbedding.from_dict(sparse),
        embedding=None if vector is None or row.get("embedding") is False else [float(each) for each in vector],
        score=score,
    )


def _blob_to_json(blob: ByteStream) -> dict[str, Any]:
    data = base64.b64encode(blob.data).decode()
    return {"data": data, "mime_type": blob.mime_type, "meta": plain(blob.meta, "meta of the blob")}


def _blob_from_json(blob: Mapping[str, Any]) -> ByteStream:
    return ByteStream(data=base64.b64decode(blob["data"]), mime_type=blob["mime_type"], meta=blob["meta"])
