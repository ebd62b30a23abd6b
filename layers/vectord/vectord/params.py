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

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")


class Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters as the envelope spells them.

    `m` is the number of trees in the forest; `ef_search` is a floor for a search's effort, in candidates a tree.
    """

    name: str
    dimension: int
    m: int = 16
    ef_search: int = 20
    distance: Distance = "cosine"


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
    if reason := fault(params):
        raise RequestInvalid(reason)
    return params


def fault(params: Params) -> str | None:
    """Return what is out of range in `params`, or None."""
    if not _NAME.fullmatch(params.name):
        return "name must be 1 to 128 of A-Z a-z 0-9 . _ - and not start with a dot"
    for field, value, most in (
        ("dimension", params.dimension, MAX_DIMENSION),
        ("m", params.m, MAX_TREES),
        ("ef_search", params.ef_search, MAX_EF_SEARCH),
    ):
        if not 1 <= value <= most:
            return f"{field} must be 1 to {most:,}, not {value:,}"
    return None


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


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
