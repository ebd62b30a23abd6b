"""JSON bodies of requests: strict types, which msgspec decodes and validates in one pass."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Annotated, Final, Literal, get_args

import msgspec

from vectord.edge.schemas import diagnosis, fields, large_bodies
from vectord.edge.schemas.fields import MAX_BATCH, MAX_BATCH_IDS, Consistency
from vectord.edge.schemas.large_bodies import (
    LARGE,
    check_batch,
    check_count,
    check_facets,
    check_ids,
    check_queries,
    check_search,
    check_terms,
)
from vectord.edge.schemas.search_bodies import RecallBody, SearchBody, SparseBody, TextBody
from vectord.errors import (
    MAX_BAD_ITEMS,
    BadItem,
    BatchInvalid,
    MalformedJson,
    RequestInvalid,
    RequestTooLarge,
    VectordError,
)
from vectord.index.query.query import MAX_PROBES, MAX_QUERIES
from vectord.lhv1.params import Distance
from vectord.readers.entry import Entry, entry_of_json
from vectord.readers.malformed import malformed_reason
from vectord.readers.repeated import repeated_outermost
from vectord.service.values.selection import MAX_IDS, MAX_PATHS

_MAX_DIAGNOSED: Final = 6 << 20  # bytes; Python's values of a larger body could fill the memory


class EmbeddingBody(msgspec.Struct, forbid_unknown_fields=True):
    """The model that embeds the texts of an index, and what clients put before a query or a document to embed it."""

    model: fields.Model
    query_prefix: fields.Prefix = ""
    document_prefix: fields.Prefix = ""


class PutIndexBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The parameters of an index whose name is in the path; a `name` in the body must be the same."""

    name: fields.OptionalName = None
    dimension: fields.Dimension
    distance: Annotated[str | None, fields.schema(enum=["", *get_args(Distance), None])] = None
    m: fields.Trees = None
    ef_search: fields.Effort = None
    shards: fields.Shards = None
    embedding: EmbeddingBody | None = None
    text: fields.Texts = None
    sparse: fields.SparseFields = None


class CreateBody(PutIndexBody, forbid_unknown_fields=True, kw_only=True):
    name: fields.Name


class ChangeIndexBody(msgspec.Struct, forbid_unknown_fields=True):
    """What of an index can be changed: its text fields and its sparse vectors.

    They replace those that it declares; null declares none. What is absent does not change.
    """

    text: fields.Texts | msgspec.UnsetType = msgspec.UNSET
    sparse: fields.SparseFields | msgspec.UnsetType = msgspec.UNSET


class RestoreBody(msgspec.Struct, forbid_unknown_fields=True):
    as_of: fields.RequiredAsOf


class CopyBody(msgspec.Struct, forbid_unknown_fields=True):
    to: fields.Name
    as_of: fields.AsOf = None


class UploadBody(msgspec.Struct, forbid_unknown_fields=True):
    file: fields.File
    bytes: fields.FileBytes


class AddBody(msgspec.Struct, forbid_unknown_fields=True):
    vectors: fields.Items


class DeleteBody(msgspec.Struct, forbid_unknown_fields=True):
    """The vectors to delete: either `ids` or `filter`; `all` is required if the filter matches every vector."""

    ids: fields.Ids | None = None
    filter: fields.Filter = msgspec.field(default_factory=msgspec.Raw)
    all: bool = False
    dry_run: bool = False


class PatchBody(msgspec.Struct, forbid_unknown_fields=True):
    """New metadata, and the vectors to change: either `ids` or `filter`."""

    metadata: fields.Metadata
    ids: fields.Ids | None = None
    filter: fields.Filter = msgspec.field(default_factory=msgspec.Raw)
    mode: Literal["merge", "replace"] = "merge"


class GetBody(msgspec.Struct, forbid_unknown_fields=True):
    ids: fields.LimitedIds
    include: list[Literal["metadata", "vector"]] = msgspec.field(default_factory=lambda: ["metadata", "vector"])
    vector_encoding: fields.Encoding = "array"
    after: fields.Cursor = None
    consistency: Consistency = "strong"
    max_staleness: fields.Staleness = None


class FacetsBody(msgspec.Struct, forbid_unknown_fields=True):
    """The paths whose values are counted, among all vectors or those that `filter`, and `text` or `sparse`, find."""

    paths: fields.Paths
    filter: fields.Filter = msgspec.field(default_factory=msgspec.Raw)
    text: fields.Words | TextBody | None = None
    sparse: SparseBody | None = None
    min_relevance: fields.NonNegative = None
    limit: fields.ValueLimit = 100
    consistency: Consistency = "strong"
    max_staleness: fields.Staleness = None
    as_of: fields.AsOf = None


class CountBody(msgspec.Struct, forbid_unknown_fields=True):
    filter: fields.Filter = msgspec.field(default_factory=msgspec.Raw)
    text: fields.Words | TextBody | None = None
    sparse: SparseBody | None = None
    min_relevance: fields.NonNegative = None
    consistency: Consistency = "strong"
    max_staleness: fields.Staleness = None
    as_of: fields.AsOf = None


def _bad_item(position: int, text: bytes) -> BadItem | None:
    entry = entry_of_json(position, text)
    return entry if isinstance(entry, BadItem) else None


def _bad_id(position: int, text: bytes) -> BadItem | None:
    try:
        msgspec.json.decode(text, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return BadItem(position, None, f"id must be a text: {error}")
    return None


_CHECK_IDS: Final = partial(check_ids, most=MAX_BATCH_IDS, check_item=_bad_id)
# What is checked in a large body before it is decoded.
_CHECKS: Final[Mapping[type[msgspec.Struct], Callable[[bytes], None]]] = {
    AddBody: partial(
        check_batch, field="vectors", most=MAX_BATCH, strict=large_bodies.batch_of_items, check_item=_bad_item
    ),
    DeleteBody: _CHECK_IDS,
    PatchBody: _CHECK_IDS,
    GetBody: partial(check_count, field="ids", most=MAX_IDS),
    SearchBody: partial(check_search, most=MAX_QUERIES),
    RecallBody: partial(check_queries, most=MAX_PROBES),
    FacetsBody: partial(check_facets, most=MAX_PATHS),
    CountBody: check_terms,
}


def decode[T: msgspec.Struct](body: bytes, kind: type[T]) -> T:
    """Return a JSON body as a `kind`.

    Raises:
        MalformedJson: the body is not JSON (RFC 8259: UTF-8, no NaN, no Infinity).
        RequestInvalid: the JSON does not have the shape of `kind`, repeats a field, or has too many items.
        RequestTooLarge: it is large, and its batch has too many items.
        BatchInvalid: it is large, and many items of its batch are not valid.
    """
    try:
        body.decode()
        if len(body) > LARGE:
            msgspec.json.decode(body, type=msgspec.Raw)  # if it is not JSON, before there are values of its items
            if kind in _CHECKS:
                _CHECKS[kind](body)
        value = msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _refusal(body, kind, error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(body, error) from error
    if repeated := repeated_field(body, kind):
        raise RequestInvalid(f"The body has the field {repeated!r} more than once. Send it once.")
    return value


def repeated_field(body: bytes, kind: type[msgspec.Struct]) -> str | None:
    """Return a field that a JSON object, the body of a `kind`, has more than once; None if there is none."""
    if len(body) > LARGE and len(found := _quoted_names(kind).findall(body)) == len(set(found)):
        return None
    plain = body.replace(rb"\\", b"").replace(rb"\"", b"") if b"\\" in body else body
    parts = plain.split(b'"')  # by turns what is between texts, and a text
    texts = [text for text, after in zip(parts[1::2], parts[2::2], strict=True) if after.lstrip()[:1] == b":"]
    keys = [text for text in texts if text in _field_names(kind)]
    # An object inside the body may have these keys too, so equal keys are a reason to look.
    return repeated_outermost(body) if len(keys) > len(set(keys)) else None


@cache
def _quoted_names(kind: type[msgspec.Struct]) -> re.Pattern[bytes]:
    return re.compile(b'"(?:%b)"' % b"|".join(sorted(_field_names(kind))))


@cache
def _field_names(kind: type[msgspec.Struct]) -> frozenset[bytes]:
    return frozenset(name.encode() for name in kind.__struct_encode_fields__)


def _refusal(body: bytes, kind: type[msgspec.Struct], error: msgspec.ValidationError) -> VectordError:
    """Return the error for a body that is not a `kind`, or not JSON behind the first wrong value.

    msgspec stops at a wrong type and at a number out of range, so the rest of the body was not read.
    """
    try:
        msgspec.json.decode(body, type=msgspec.Raw)  # to the end of the body, whatever its values are
        return RequestInvalid(diagnosis.shape_reason(body, kind, error))
    except (msgspec.DecodeError, RecursionError) as malformed:
        return _malformed(body, malformed)


def _malformed(body: bytes, error: Exception) -> MalformedJson:
    if len(body) > _MAX_DIAGNOSED:
        return MalformedJson(f"The body is not JSON in UTF-8: {error}.")
    return MalformedJson(f"The body {malformed_reason(body, error)}")


def entries(vectors: Sequence[msgspec.Raw]) -> list[Entry]:
    """Decode each vector of a batch; an entry that cannot be decoded has the reason.

    Raises:
        RequestInvalid: the batch is empty.
        RequestTooLarge: it has more than MAX_BATCH vectors.
        BatchInvalid: MAX_BAD_ITEMS of them cannot be decoded.
    """
    if not vectors:
        raise RequestInvalid("The batch is empty: 'vectors' must have at least one vector.")
    _check_length("vectors", vectors, MAX_BATCH)
    found: list[Entry] = []
    bad: list[BadItem] = []
    for position, raw in enumerate(vectors):
        entry = entry_of_json(position, raw)
        found.append(entry)
        if isinstance(entry, BadItem):
            bad.append(entry)
            if len(bad) >= MAX_BAD_ITEMS:
                raise BatchInvalid(bad, complete=False)
    return found


def _check_length(field: str, items: Sequence[msgspec.Raw], most: int) -> None:
    if len(items) > most:
        raise RequestTooLarge(f"'{field}' may have at most {most:,} items, not {len(items):,}. Divide the batch.")


def ids(items: Sequence[msgspec.Raw]) -> list[str]:
    """Decode the ids of a batch.

    Raises:
        RequestInvalid: the batch is empty.
        RequestTooLarge: it has more than MAX_BATCH_IDS ids.
        BatchInvalid: some ids are not text.
    """
    if not items:
        raise RequestInvalid("The batch is empty: 'ids' must have at least one id.")
    _check_length("ids", items, MAX_BATCH_IDS)
    good: list[str] = []
    bad: list[BadItem] = []
    for position, raw in enumerate(items):
        try:
            good.append(msgspec.json.decode(raw, type=str))
        except msgspec.ValidationError as error:
            bad.append(BadItem(position, None, f"id must be a text: {error}"))
            if len(bad) >= MAX_BAD_ITEMS:
                raise BatchInvalid(bad, complete=False) from error
    if bad:
        raise BatchInvalid(bad)
    return good
