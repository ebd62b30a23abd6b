"""Python values to the text of a request."""

import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import msgspec

from vectord_client.errors import ArgumentInvalid
from vectord_client.rows.id_lists import checked_id
from vectord_client.rows.pack import pack_vector, to_base64
from vectord_client.values import Version

AsOf: TypeAlias = str | datetime | Version
Filter: TypeAlias = Mapping[str, Any]

_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
# What API Gateway may change in a path: see "Ids in paths" of docs/api.md.
_UNSAFE_IN_PATHS: Final = re.compile(r"[%?#\x00-\x1f\x7f-\x9f\ufffd]|//|^/|/$|(^|/)\.{1,2}(/|$)")


def body(members: Mapping[str, Any]) -> bytes:
    """Return a JSON object of the members that are not None."""
    return json({name: value for name, value in members.items() if value is not None})


def json(value: Any) -> bytes:
    """Return JSON text of a value. Numbers and arrays of numpy are numbers and arrays; NaN and infinities become null.

    Raises:
        ArgumentInvalid: JSON cannot express the value.
    """
    try:
        return msgspec.json.encode(value, enc_hook=_plain)
    except (TypeError, OverflowError, UnicodeEncodeError, RecursionError) as error:
        raise ArgumentInvalid(f"This cannot be sent as JSON: {error}.") from error


def _plain(value: Any) -> Any:
    """Return the plain form of an object that is not one of JSON's types: `tolist` is numpy's name for it."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"a value of type {type(value).__name__} has no form in JSON")


def index_path(name: str, rest: str = "") -> str:
    """Return the path of an index.

    Raises:
        ArgumentInvalid: No index can have this name.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ArgumentInvalid(
            f"{name!r} is not the name of an index: use 1 to 128 letters, digits, '.', '_' and '-', not '.' first."
        )
    return f"/indexes/{name}{rest}"


def is_safe_in_path(vector_id: str) -> bool:
    """Return True if API Gateway passes an id in a path on unchanged.

    Raises:
        ArgumentInvalid: The id is not text.
    """
    return bool(checked_id(vector_id)) and not _UNSAFE_IN_PATHS.search(vector_id)


def id_path(name: str, vector_id: str) -> str:
    """Return the path of one vector."""
    return index_path(name, f"/vectors/{quote(vector_id, safe='')}")


def condition(if_match: str | None) -> dict[str, str]:
    """Return the header for the condition that an index has the ETag `if_match`; None is no condition.

    Raises:
        ArgumentInvalid: It cannot be an ETag. An empty text must not become a write without a condition.
    """
    if if_match is None:
        return {}
    if not isinstance(if_match, str) or not if_match.strip() or not if_match.isascii() or not if_match.isprintable():
        raise ArgumentInvalid(
            f"if_match is {if_match!r:.80}, which is not an ETag: give `etag` of the index or of an answer, or None "
            "for no condition. A sharded index has no ETag."
        )
    return {"if-match": if_match}


def query(**parameters: str | int | float | None) -> tuple[tuple[str, str], ...]:
    """Return the parameters that are not None.

    Raises:
        ArgumentInvalid: One is neither text nor a number.
    """
    for name, value in parameters.items():
        if value is not None and not isinstance(value, str | int | float):
            raise ArgumentInvalid(f"{name} is {value!r:.80}, a {type(value).__name__}; give text or a number.")
    return tuple((name, str(value)) for name, value in parameters.items() if value is not None)


def as_of(moment: AsOf | None) -> str | None:
    """Return an earlier state as text: a version's id, an ETag in quotes, or an RFC 3339 time.

    Raises:
        ArgumentInvalid: A time has no time zone.
    """
    if isinstance(moment, Version):
        return moment.id
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ArgumentInvalid(f"{moment!r} has no time zone: use for example datetime.now(timezone.utc).")
        return moment.isoformat()
    return moment


def state(given: AsOf | None, own: AsOf | None) -> AsOf | None:
    """Return the state that a call names, or that of its view. An empty text is not one, and the service refuses it."""
    return own if given is None else given


def vector(value: Any) -> str:
    """Return a vector as base64.

    Raises:
        ArgumentInvalid: It is not a vector of finite numbers.
    """
    return to_base64(pack_vector(value))


def vectors(values: Iterable[Any]) -> list[str]:
    """Return vectors as base64.

    Raises:
        ArgumentInvalid: One of them is not a vector of finite numbers.
    """
    packed: list[str] = []
    for position, value in enumerate(values):
        try:
            packed.append(vector(value))
        except ArgumentInvalid as error:
            raise ArgumentInvalid(f"vectors[{position}]: {error}") from error
    return packed


def new_key() -> str:
    """Return a new Idempotency-Key."""
    return uuid.uuid4().hex
