"""One function for each operation of docs/openapi.json. It returns a call; nothing is sent."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from msgspec import structs

from vectord_client import values
from vectord_client.errors import ArgumentInvalid
from vectord_client.hits import Hits
from vectord_client.rows.block import Block
from vectord_client.rows.id_lists import checked_ids, optional_id, optional_ids
from vectord_client.sparse_values import SparseField, SparseVector, sparse_vector
from vectord_client.text_values import TextField, Words
from vectord_client.wire import answers, encode
from vectord_client.wire.call import Call
from vectord_client.wire.encode import AsOf, Filter
from vectord_client.wire.request import Request

T = TypeVar("T")
_JSON: Final = {"content-type": "application/json"}
ONE_QUERY: Final = (
    "A search has exactly one of vector, id and text, or words or a sparse vector or both, alone or with one of them."
)
_BASE64: Final = "base64"

_made = answers.reader(values.Restored)
_added = answers.reader(values.Added)
_patched = answers.reader(values.Patched)
_deleted = answers.reader(values.Deleted)
_row = answers.reader(values.Row)
_hits = answers.reader(Hits)
_recall = answers.reader(values.RecallReport)
_warmed = answers.reader(values.Warmed)
_upload = answers.reader(values.UploadLink)
_indexes = answers.page_reader(values.IndexSummary, "indexes")
_rows = answers.page_reader(values.Row, "vectors")
_versions = answers.page_reader(values.Version, "versions")


def _read(path: str, read: Any, members: Mapping[str, Any]) -> Call[Any]:
    """Return a read that is a POST, with a body of the members that are not None."""
    return Call(Request("POST", path, headers=_JSON, body=encode.body(members)), read)


def _get(path: str, read: Any, **parameters: str | int | float | None) -> Call[Any]:
    return Call(Request("GET", path, encode.query(**parameters)), read)


def _write(
    method: str, path: str, read: Any, body: bytes | None, *, if_match: str | None = None, idempotent: bool = False
) -> Call[Any]:
    """Return a write without an Idempotency-Key."""
    headers = {**(_JSON if body is not None else {}), **encode.condition(if_match)}
    return Call(Request(method, path, headers=headers, body=body), read, idempotent=idempotent, writes=True)


def _keyed(
    method: str, path: str, read: Any, body: bytes | None, *, if_match: str | None, key: str | None
) -> Call[Any]:
    """Return a write with an Idempotency-Key, so that it may be repeated until its outcome is known."""
    call = _write(method, path, read, body, if_match=if_match, idempotent=True)
    request = call.request
    headers = {**request.headers, "idempotency-key": key or encode.new_key()}
    return Call(Request(method, path, headers=headers, body=body), read, idempotent=True, writes=True)


def _parameters(
    *,
    dimension: int,
    distance: str | None,
    m: int | None,
    ef_search: int | None,
    shards: int | None,
    embedding: values.Embedding | None,
    text: Mapping[str, TextField] | None,
    sparse: Mapping[str, SparseField] | None,
) -> dict[str, Any]:
    return {
        "dimension": dimension,
        "distance": distance,
        "m": m,
        "ef_search": ef_search,
        "shards": shards,
        "embedding": embedding,
        "text": text,
        "sparse": sparse,
    }


def create(name: str, **parameters: Any) -> Call[values.Restored]:
    """POST /indexes. The parameters are those of `_parameters`."""
    encode.index_path(name)
    return _write("POST", "/indexes", _made, encode.body({"name": name, **_parameters(**parameters)}))


def create_by_name(name: str, **parameters: Any) -> Call[values.Restored]:
    """PUT /indexes/{name}. The parameters are those of `_parameters`."""
    return _write("PUT", encode.index_path(name), _made, encode.body(_parameters(**parameters)))


def indexes(prefix: str = "", limit: int = 1000, cursor: str | None = None) -> Call[answers.Page]:
    """GET /indexes."""
    return _get("/indexes", _indexes, prefix=prefix or None, limit=limit, cursor=cursor)


def describe(name: str, as_of: AsOf | None = None) -> Call[values.IndexInfo]:
    """GET /indexes/{name}."""
    return _get(encode.index_path(name), answers.info, as_of=encode.as_of(as_of))


def change_index(name: str, declared: Mapping[str, Any], if_match: str | None = None) -> Call[values.Restored]:
    """PATCH /indexes/{name}, with `text`, `sparse` or both. The same change again changes nothing."""
    path, body = encode.index_path(name), encode.json(declared)
    return _write("PATCH", path, _made, body, if_match=if_match, idempotent=if_match is None)


def delete_index(name: str, if_match: str | None = None) -> Call[None]:
    """DELETE /indexes/{name}."""
    return _write("DELETE", encode.index_path(name), answers.nothing, None, if_match=if_match)


def add(name: str, body: bytes, if_match: str | None = None, key: str | None = None) -> Call[values.Added]:
    """POST /indexes/{name}/vectors, with a body of `rows.batches`."""
    return _keyed("POST", encode.index_path(name, "/vectors"), _added, body, if_match=if_match, key=key)


def add_rows(name: str, rows: Block, if_match: str | None = None, key: str | None = None) -> Call[values.Added]:
    """POST /indexes/{name}/vectors, for a transport in this process, which takes the rows as they are."""
    call = add(name, b"", if_match, key)
    return structs.replace(call, request=structs.replace(call.request, body=None, rows=rows))


def look_up(
    name: str, vector_id: str, consistency: str | None = None, max_staleness: float | None = None
) -> Call[values.Row]:
    """GET /indexes/{name}/vectors/{id+}."""
    options = {"vector_encoding": _BASE64, "consistency": consistency, "max_staleness": max_staleness}
    return _get(encode.id_path(name, vector_id), _row, **options)


def get(  # noqa: PLR0917 - the order of the API's table
    name: str,
    ids: Iterable[str],
    include: Sequence[str] | None = None,
    after: str | None = None,
    consistency: str | None = None,
    max_staleness: float | None = None,
) -> Call[answers.Page]:
    """POST /indexes/{name}/vectors/get."""
    members = {
        "ids": checked_ids(ids),
        "include": _list(include),
        "vector_encoding": _BASE64,
        "after": after,
        "consistency": consistency,
        "max_staleness": max_staleness,
    }
    return _read(encode.index_path(name, "/vectors/get"), _rows, members)


def rows(
    name: str, *, cursor: str | None = None, filter: Filter | None = None, include: Sequence[str], **parameters: Any
) -> Call[answers.Page]:
    """GET /indexes/{name}/vectors. Other parameters are sent by their names."""
    return _get(
        encode.index_path(name, "/vectors"),
        _rows,
        cursor=cursor,
        filter=None if filter is None else encode.json(filter).decode(),
        include=",".join(include),
        vector_encoding=_BASE64,
        **parameters,
    )


def search(
    name: str,
    *,
    vector: Any = None,
    id: str | None = None,
    words: Words | None = None,
    sparse: SparseVector | None = None,
    **options: Any,
) -> Call[Hits]:
    """POST /indexes/{name}/search, for a vector or a stored one, words, a sparse vector, or several; see `_search`.

    Raises:
        ArgumentInvalid: There is not exactly one of vector and id, and neither words nor a sparse vector alone.
    """
    alone = words is not None or sparse is not None
    if (vector is None) == (id is None) and (not alone or vector is not None):
        raise ArgumentInvalid(ONE_QUERY)
    packed = None if vector is None else encode.vector(vector)
    sent = None if sparse is None else sparse_vector(sparse)
    members = {"vector": packed, "id": optional_id(id), "text": words, "sparse": sent, **_search(**options)}
    return _read(encode.index_path(name, "/search"), _hits, members)


def search_many(name: str, vectors: Sequence[str], **options: Any) -> Call[list[Hits]]:
    """POST /indexes/{name}/search, for several vectors as base64."""
    return _read(encode.index_path(name, "/search"), answers.searches, {"vectors": list(vectors), **_search(**options)})


def _search(*, include: Sequence[str] | None = None, as_of: AsOf | None = None, **members: Any) -> dict[str, Any]:
    return {
        **members,
        "include": _list(include),
        "vector_encoding": _BASE64,
        "as_of": encode.as_of(as_of),
    }


def recall(
    name: str, *, vectors: Iterable[Any] | None = None, as_of: AsOf | None = None, **members: Any
) -> Call[values.RecallReport]:
    """POST /indexes/{name}/recall. Other members are sent by their names."""
    packed = None if vectors is None else encode.vectors(vectors)
    path = encode.index_path(name, "/recall")
    return _read(path, _recall, {"vectors": packed, "as_of": encode.as_of(as_of), **members})


def warm(name: str) -> Call[values.Warmed]:
    """POST /indexes/{name}/warm."""
    return Call(Request("POST", encode.index_path(name, "/warm")), _warmed)


def patch(
    name: str, metadata: Any, *, if_match: str | None = None, key: str | None = None, **members: Any
) -> Call[values.Patched]:
    """PATCH /indexes/{name}/vectors. Other members are sent by their names."""
    chosen = {**members, "ids": optional_ids(members.get("ids"))}
    body = encode.json({"metadata": metadata, **{k: v for k, v in chosen.items() if v is not None}})
    return _keyed("PATCH", encode.index_path(name, "/vectors"), _patched, body, if_match=if_match, key=key)


def remove(name: str, vector_id: str, if_match: str | None = None, key: str | None = None) -> Call[values.Deleted]:
    """DELETE /indexes/{name}/vectors/{id+}."""
    return _keyed("DELETE", encode.id_path(name, vector_id), _deleted, None, if_match=if_match, key=key)


def delete(name: str, *, if_match: str | None = None, key: str | None = None, **members: Any) -> Call[values.Deleted]:
    """POST /indexes/{name}/vectors/delete. Other members are sent by their names."""
    body = encode.body({**members, "ids": optional_ids(members.get("ids"))})
    path = encode.index_path(name, "/vectors/delete")
    return _keyed("POST", path, _deleted, body, if_match=if_match, key=key)


def versions(name: str, limit: int = 1000, cursor: str | None = None) -> Call[answers.Page]:
    """GET /indexes/{name}/versions."""
    return _get(encode.index_path(name, "/versions"), _versions, limit=limit, cursor=cursor)


def restore(name: str, as_of: AsOf, if_match: str | None = None) -> Call[values.Restored]:
    """POST /indexes/{name}/restore."""
    body = encode.body({"as_of": encode.as_of(as_of)})
    return _write("POST", encode.index_path(name, "/restore"), _made, body, if_match=if_match)


def copy(name: str, to: str, as_of: AsOf | None = None) -> Call[values.Restored]:
    """POST /indexes/{name}/copy."""
    body = encode.body({"to": to, "as_of": encode.as_of(as_of)})
    return _write("POST", encode.index_path(name, "/copy"), _made, body)


def upload_link(name: str, file: str, size: int) -> Call[values.UploadLink]:
    """POST /indexes/{name}/uploads. It changes nothing: the file does, when it is sent to the link."""
    return _read(encode.index_path(name, "/uploads"), _upload, {"file": file, "bytes": size})


def export(
    name: str, format: str, *, link: bool = False, as_of: AsOf | None = None, vector_encoding: str | None = None
) -> Call[answers.Exported]:
    """GET /indexes/{name}/export."""
    return _get(
        encode.index_path(name, "/export"),
        answers.exported,
        format=format,
        link="true" if link else None,
        as_of=encode.as_of(as_of),
        vector_encoding=vector_encoding,
    )


def export_link(
    name: str, format: str, *, as_of: AsOf | None = None, vector_encoding: str | None = None
) -> Call[values.ExportLink]:
    """GET /indexes/{name}/export with `link`: a link, whatever the size."""
    call = export(name, format, link=True, as_of=as_of, vector_encoding=vector_encoding)
    return Call(call.request, answers.export_link)


def openapi() -> Call[dict[str, Any]]:
    """GET /openapi.json."""
    return _get("/openapi.json", answers.document)


def _list(texts: str | Sequence[str] | None) -> list[str] | None:
    return [texts] if isinstance(texts, str) else None if texts is None else list(texts)
