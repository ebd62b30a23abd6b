"""The parameters of an index: fixed at creation, stored in the blob's envelope."""

import re
from typing import Literal

import msgspec

from vectord.errors import RequestInvalid

Distance = Literal["cosine", "euclidean"]

MAX_DIMENSION = 4_096
MAX_TREES = 1_000
MAX_EF_SEARCH = 1_000_000
MAX_ID_BYTES = 1_024
MAX_SHARDS = 1_000

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
_GENERATION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHARD = re.compile(rf"{_NAME.pattern}/{_GENERATION.pattern}/(0|[1-9][0-9]{{0,2}})")

_NAME_RULE = "name must be 1 to 128 of A-Z a-z 0-9 . _ - and not start with a dot"


class Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters as the envelope spells them.

    `m` is the most trees that the forest has; `ef_search` is a floor for a search's effort, in candidates a tree.
    An index of several `shards` holds no rows: its shards are blobs of their own, whose names hold its `generation`.
    """

    name: str
    dimension: int
    m: int = 16
    ef_search: int = 20
    distance: Distance = "cosine"
    shards: int | msgspec.UnsetType = msgspec.UNSET
    generation: str | msgspec.UnsetType = msgspec.UNSET


def new_params(name: str, dimension: int, *, m: int = 0, ef_search: int = 0, distance: str = "") -> Params:
    """Validate the parameters of a new index; 0 or negative `m` and `ef_search` and empty `distance` take the defaults.

    Raises:
        RequestInvalid: one of them is out of range.
    """
    defaults = Params(name, dimension)
    params = Params(
        name=name,
        dimension=dimension,
        m=m if m > 0 else defaults.m,
        ef_search=ef_search if ef_search > 0 else defaults.ef_search,
        distance=_distance(distance) if distance else defaults.distance,
    )
    check_name(name)
    if reason := fault(params):
        raise RequestInvalid(reason)
    return params


def check_name(text: str) -> None:
    """Raise RequestInvalid where `text` cannot name an index."""
    if not is_name(text):
        raise RequestInvalid(_NAME_RULE)


def in_shards(params: Params, shards: int, generation: str) -> Params:
    """Return the parameters of an index of several shards.

    Raises:
        RequestInvalid: not 2 to MAX_SHARDS.
    """
    if not 2 <= shards <= MAX_SHARDS:
        raise RequestInvalid(f"shards must be 1 to {MAX_SHARDS:,}, not {shards:,}")
    return msgspec.structs.replace(params, shards=shards, generation=generation)


def fault(params: Params) -> str | None:
    """Return what is out of range in `params`, or None."""
    if not is_stored(params.name):
        return _NAME_RULE
    for field, value, most in (
        ("dimension", params.dimension, MAX_DIMENSION),
        ("m", params.m, MAX_TREES),
        ("ef_search", params.ef_search, MAX_EF_SEARCH),
    ):
        if not 1 <= value <= most:
            return f"{field} must be 1 to {most:,}, not {value:,}"
    return _shards_fault(params)


def _shards_fault(params: Params) -> str | None:
    if not params.shards and not params.generation:
        return None
    if not params.shards or not 2 <= params.shards <= MAX_SHARDS:
        return f"shards must be 2 to {MAX_SHARDS:,} where a generation is named"
    if not params.generation or not _GENERATION.fullmatch(params.generation):
        return "generation must be 1 to 64 of A-Z a-z 0-9 _ -"
    return None


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def is_shard(text: str) -> bool:
    """Tell whether `text` is `<index>/<generation>/<number>`, the name of a shard's blob, which no caller can give."""
    return _SHARD.fullmatch(text) is not None


def is_stored(text: str) -> bool:
    return is_name(text) or is_shard(text)


def id_fault(vector_id: str) -> str | None:
    """Return why `vector_id` cannot name a vector, or None."""
    size = len(vector_id.encode())
    if not 1 <= size <= MAX_ID_BYTES:
        return f"id must be 1 to {MAX_ID_BYTES:,} UTF-8 bytes, not {size:,}"
    return None


def _distance(text: str) -> Distance:
    if text == "cosine":
        return "cosine"
    if text == "euclidean":
        return "euclidean"
    raise RequestInvalid(f"distance must be 'cosine' or 'euclidean', not {text!r}")
