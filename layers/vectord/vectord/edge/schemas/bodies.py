"""The JSON bodies of requests: strict types, decoded and validated in one pass by msgspec."""

from collections.abc import Sequence
from typing import Annotated, Literal, get_args

import msgspec

from vectord.edge.consistency import Consistency
from vectord.edge.schemas import fields
from vectord.errors import BadItem, BatchInvalid, MalformedJson, RequestInvalid
from vectord.index.query.query import DEFAULT_RECALL
from vectord.lhv1.params import Distance
from vectord.readers.entry import Entry, entry_of_json

Include = Literal["metadata", "vector", "distance"]


class CreateBody(msgspec.Struct, forbid_unknown_fields=True):
    name: fields.Name
    dimension: fields.Dimension
    distance: Annotated[str | None, fields.shown(enum=["", *get_args(Distance), None])] = None
    m: fields.Trees = None
    ef_search: fields.Effort = None
    shards: fields.Shards = None


class RestoreBody(msgspec.Struct, forbid_unknown_fields=True):
    as_of: fields.Moment


class CopyBody(msgspec.Struct, forbid_unknown_fields=True):
    to: fields.Name
    as_of: fields.AsOf = None


class UploadBody(msgspec.Struct, forbid_unknown_fields=True):
    file: fields.File


class AddBody(msgspec.Struct, forbid_unknown_fields=True):
    vectors: fields.Items


class DeleteBody(msgspec.Struct, forbid_unknown_fields=True):
    """Either `ids` or `filter`."""

    ids: fields.Ids | None = None
    filter: fields.Filter = msgspec.field(default_factory=msgspec.Raw)
    dry_run: bool = False


class PatchBody(msgspec.Struct, forbid_unknown_fields=True):
    """Either `ids` or `filter`."""

    metadata: fields.Metadata
    ids: fields.Ids | None = None
    filter: fields.Filter = msgspec.field(default_factory=msgspec.Raw)
    mode: Literal["merge", "replace"] = "merge"


class SearchBody(msgspec.Struct, forbid_unknown_fields=True):
    """What to search for is one of `vector`, `vectors` and `id`."""

    vector: fields.Vector | None = None
    vectors: fields.Queries = None
    id: fields.Id | None = None
    k: fields.K = 10
    recall: fields.Recall = DEFAULT_RECALL
    ef_search: fields.Effort = None
    filter: fields.Filter = msgspec.field(default_factory=msgspec.Raw)
    max_distance: fields.Least0 = None
    after: fields.Cursor = None
    consistency: Consistency = "strong"
    max_staleness: fields.Staleness = None
    as_of: fields.AsOf = None
    include: list[Include] = msgspec.field(default_factory=lambda: ["metadata"])


class RecallBody(msgspec.Struct, forbid_unknown_fields=True):
    """Queries are `vectors`, or else a `sample` of so many stored ones."""

    vectors: fields.Probes = None
    sample: fields.Sample = 50
    k: fields.K = 10
    recall: fields.Recall = DEFAULT_RECALL
    ef_search: fields.Effort = None
    filter: fields.Filter = msgspec.field(default_factory=msgspec.Raw)
    consistency: Consistency = "strong"
    max_staleness: fields.Staleness = None
    as_of: fields.AsOf = None


class GetBody(msgspec.Struct, forbid_unknown_fields=True):
    ids: fields.FewIds
    include: list[Literal["metadata", "vector"]] = msgspec.field(default_factory=lambda: ["metadata", "vector"])
    consistency: Consistency = "strong"
    max_staleness: fields.Staleness = None


class CountBody(msgspec.Struct, forbid_unknown_fields=True):
    filter: fields.Filter = msgspec.field(default_factory=msgspec.Raw)
    consistency: Consistency = "strong"
    max_staleness: fields.Staleness = None


def decode[T](body: bytes, kind: type[T]) -> T:
    """Return `body` as a `kind`.

    Raises:
        MalformedJson: it is not JSON (RFC 8259: UTF-8, no NaN, no Infinity).
        RequestInvalid: it is JSON of another shape.
    """
    try:
        body.decode()
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        _check_json(body)  # a wrong type may stand before broken text
        raise RequestInvalid(f"The body is not valid: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from error


def _check_json(body: bytes) -> None:
    try:
        msgspec.json.decode(body)
    except msgspec.ValidationError:
        return  # a number out of range: JSON all the same
    except (msgspec.DecodeError, RecursionError) as error:
        raise _malformed(error) from error


def _malformed(error: Exception) -> MalformedJson:
    if isinstance(error, RecursionError):
        return MalformedJson("The body is nested too deeply to be read.")
    return MalformedJson(f"The body is not JSON in UTF-8 (which has no NaN and no Infinity): {error}.")


def entries(vectors: Sequence[msgspec.Raw]) -> list[Entry]:
    """Return each vector of a batch, or what is wrong with it.

    Raises:
        RequestInvalid: the batch is empty.
    """
    if not vectors:
        raise RequestInvalid("The batch is empty: 'vectors' needs at least one vector.")
    return [entry_of_json(position, raw) for position, raw in enumerate(vectors)]


def ids(items: Sequence[msgspec.Raw]) -> list[str]:
    """Return the ids of a batch.

    Raises:
        RequestInvalid: the batch is empty.
        BatchInvalid: some of them are not text.
    """
    if not items:
        raise RequestInvalid("The batch is empty: 'ids' needs at least one id.")
    good: list[str] = []
    bad: list[BadItem] = []
    for position, raw in enumerate(items):
        try:
            good.append(msgspec.json.decode(raw, type=str))
        except msgspec.ValidationError as error:
            bad.append(BadItem(position, None, str(error)))
    if bad:
        raise BatchInvalid(bad)
    return good
