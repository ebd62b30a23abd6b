"""The parameters of an index, fixed at creation and stored in the envelope; valid names and ids."""

import re
from collections.abc import Collection, Container, Mapping, Sequence
from typing import Literal

import msgspec

from vectord.errors import RequestInvalid
from vectord.lhv1.text_fields import TextField, invalid_fields_reason

Distance = Literal["cosine", "euclidean"]

MAX_DIMENSION = 4_096
MAX_TREES = 1_000
MAX_EF_SEARCH = 1_000_000
MAX_ID_BYTES = 1_024
MAX_SHARDS = 1_000
MAX_MODEL = 256  # characters of the name of an embedding model
MAX_PREFIX = 1_024  # characters of a prefix of an embedding model

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
# Patterns as text, which re compiles at their first use.
_GENERATION = r"[A-Za-z0-9_-]{1,64}"
_CONTROL = r"[\x00-\x1f\x7f]"
_SHARD = rf"{_NAME.pattern}/{_GENERATION}/(0|[1-9][0-9]{{0,2}})"

_NAME_RULE = "name must be 1 to 128 of A-Z a-z 0-9 . _ - and not start with a dot"


class Embedding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The embedding model of an index, and the texts that clients put before a query or a document to embed it.

    The service stores it and does not use it: clients refuse to mix vectors of two models.
    """

    model: str
    query_prefix: str = ""
    document_prefix: str = ""


class Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters, named as in the envelope.

    `m` limits the trees of the forest; `ef_search` is the least effort of a search, in candidates per tree.
    With `shards` the blob has no rows: each shard is a blob, and `generation` is a part of its name.
    `text` declares the fields whose texts can be searched.
    """

    name: str
    dimension: int
    m: int = 16
    ef_search: int = 20
    distance: Distance = "cosine"
    shards: int | msgspec.UnsetType = msgspec.UNSET
    generation: str | msgspec.UnsetType = msgspec.UNSET
    embedding: Embedding | msgspec.UnsetType = msgspec.UNSET
    text: dict[str, TextField] | msgspec.UnsetType = msgspec.UNSET


def new_params(
    name: str,
    dimension: int,
    *,
    m: int = 0,
    ef_search: int = 0,
    distance: str = "",
    embedding: Embedding | None = None,
    text: Mapping[str, TextField] | None = None,
) -> Params:
    """Validate the parameters of a new index. Use defaults for `m` and `ef_search` below 1 and an empty `distance`.

    Raises:
        RequestInvalid: a parameter is out of range.
    """
    defaults = Params(name, dimension)
    params = Params(
        name=name,
        dimension=dimension,
        m=m if m > 0 else defaults.m,
        ef_search=ef_search if ef_search > 0 else defaults.ef_search,
        distance=_distance(distance) if distance else defaults.distance,
        embedding=embedding or msgspec.UNSET,
        text=dict(text) if text else msgspec.UNSET,
    )
    check_name(name)
    if reason := invalid_reason(params):
        raise RequestInvalid(reason)
    return params


def check_name(text: str) -> None:
    """Raise RequestInvalid if `text` is not the name of an index."""
    if not is_index_name(text):
        raise RequestInvalid(_NAME_RULE)


def with_shards(params: Params, shards: int, generation: str) -> Params:
    """Return the parameters of a sharded index.

    Raises:
        RequestInvalid: `shards` is not 2 to MAX_SHARDS.
    """
    if not 2 <= shards <= MAX_SHARDS:
        raise RequestInvalid(f"shards must be 1 to {MAX_SHARDS:,}, not {shards:,}")
    return msgspec.structs.replace(params, shards=shards, generation=generation)


def invalid_reason(params: Params) -> str | None:
    """Return which parameter is out of range, or None."""
    if not is_blob_name(params.name):
        return _NAME_RULE
    for field, value, limit in (
        ("dimension", params.dimension, MAX_DIMENSION),
        ("m", params.m, MAX_TREES),
        ("ef_search", params.ef_search, MAX_EF_SEARCH),
    ):
        if not 1 <= value <= limit:
            return f"{field} must be 1 to {limit:,}, not {value:,}"
    return (
        _invalid_shards_reason(params)
        or _invalid_embedding_reason(params)
        or (invalid_fields_reason(params.text) if params.text is not msgspec.UNSET else None)
    )


def _invalid_shards_reason(params: Params) -> str | None:
    if not params.shards and not params.generation:
        return None
    if not params.shards or not 2 <= params.shards <= MAX_SHARDS:
        return f"shards must be 2 to {MAX_SHARDS:,} if there is a generation"
    if not params.generation or not re.fullmatch(_GENERATION, params.generation):
        return "generation must be 1 to 64 of A-Z a-z 0-9 _ -"
    return None


def _invalid_embedding_reason(params: Params) -> str | None:
    if not (embedding := params.embedding):
        return None
    if not 1 <= len(embedding.model) <= MAX_MODEL:
        return f"embedding.model must be 1 to {MAX_MODEL} characters long, not {len(embedding.model):,}"
    if re.search(_CONTROL, embedding.model):
        return "embedding.model must not have control characters"
    for field, prefix in (
        ("query_prefix", embedding.query_prefix),
        ("document_prefix", embedding.document_prefix),
    ):
        if len(prefix) > MAX_PREFIX:
            return f"embedding.{field} must be at most {MAX_PREFIX:,} characters long, not {len(prefix):,}"
    return None


def is_index_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def may_start_index_name(text: str) -> bool:
    """Return True if `text` is empty or the beginning of possible names of indexes."""
    return not text or is_index_name(text)


def is_shard_name(text: str) -> bool:
    """Return True if `text` is `<index>/<generation>/<number>`, the name of a shard; callers cannot use such a name."""
    return re.fullmatch(_SHARD, text) is not None


def is_blob_name(text: str) -> bool:
    return is_index_name(text) or is_shard_name(text)


def invalid_id_reason(vector_id: str) -> str | None:
    """Return why `vector_id` is not a valid id of a vector, or None."""
    size = len(vector_id.encode())
    if not 1 <= size <= MAX_ID_BYTES:
        return f"id must be 1 to {MAX_ID_BYTES:,} UTF-8 bytes, not {size:,}"
    return None


def wrong_length_reason(length: int, dimension: int) -> str | None:
    """Return why a vector of `length` components does not fit an index of `dimension`, or None if it does."""
    return None if length == dimension else f"vector must have {dimension:,} components, not {length:,}"


def _distance(text: str) -> Distance:
    if text == "cosine":
        return "cosine"
    if text == "euclidean":
        return "euclidean"
    raise RequestInvalid(f"distance must be 'cosine' or 'euclidean', not {text!r}")


def are_valid_ids(ids: Collection[str]) -> bool:
    """Return True if every one of `ids` can be the id of a vector."""
    lengths = list(map(len, ids))
    if 4 * max(lengths, default=0) > MAX_ID_BYTES:  # a character has up to 4 bytes in UTF-8
        return not any(map(invalid_id_reason, ids))
    return 0 not in lengths


def invalid_ids_reason(ids: Sequence[str], removed: Container[int], first_row: int) -> str | None:
    """Return why an envelope cannot list these ids of rows from `first_row` on, or None if it can.

    An id may have several rows of which all but one are `removed`.
    """
    distinct = set(ids)
    if len(distinct) != len(ids):
        live = [vector_id for row, vector_id in enumerate(ids, first_row) if row not in removed]
        if len(set(live)) != len(live):
            return "an id twice"
    return None if are_valid_ids(distinct) else "an id that is empty or too long"
