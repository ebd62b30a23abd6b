"""Refuse a large body that has too many items, or too many that are not valid, before all of them are decoded.

A body of 32 MB can have 16 million items such as `1`. As Python values they would fill the memory of a function.
"""

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

import msgspec

from vectord.errors import MAX_BAD_ITEMS, BadItem, BatchInvalid, RequestInvalid, RequestTooLarge
from vectord.index.query.text_limits import MAX_QUERY_TEXT
from vectord.lhv1.params import MAX_DIMENSION
from vectord.lhv1.text_fields import MAX_INDICES

LARGE: Final = 256 << 10  # bytes; the items of a smaller body need little memory

_SPACE: Final = " \t\n\r"
_MAX_TEXT: Final = 512 << 10  # characters of JSON, of the words and fields of a search, or of its sparse vector
type CheckItem = Callable[[int, bytes], BadItem | None]


def check_batch(
    body: bytes, field: str, most: int, strict: Callable[[], type[msgspec.Struct]], check_item: CheckItem
) -> None:
    """Raise BatchInvalid if MAX_BAD_ITEMS items in a field of a body are not valid.

    `strict` returns a type that no body with an invalid item has. `check_item` gets position and JSON text of an item,
    and returns why it is not valid.

    Raises:
        RequestTooLarge: some items are not valid, and there are more than `most`.
    """
    try:
        msgspec.json.decode(body, type=strict())
    except msgspec.DecodeError:
        bad: list[BadItem] = []
        for position, text in enumerate(_items(_field(body, field))):
            if position == most:
                raise _too_many(field, most) from None
            if (reason := check_item(position, text)) is not None:
                bad.append(reason)
                if len(bad) >= MAX_BAD_ITEMS:
                    raise BatchInvalid(bad, complete=False) from None


def check_ids(body: bytes, most: int, check_item: CheckItem) -> None:
    """Raise what `check_batch` raises for the field `ids`, and RequestTooLarge if it has more than `most` texts."""
    plain = _field(body, "ids").replace(r"\\", "").replace(r"\"", "")
    if plain.count('"') // 2 > most:
        raise _too_many("ids", most)
    check_batch(body, "ids", most, batch_of_ids, check_item)


def _too_many(field: str, most: int) -> RequestTooLarge:
    return RequestTooLarge(f"'{field}' may have at most {most:,} items. Divide the batch.")


def check_count(body: bytes, field: str, most: int) -> None:
    """Raise RequestInvalid if a field of a body is an array of more than `most` items."""
    if _has_more(_field(body, field), most):
        raise RequestInvalid(f"'{field}' may have at most {most:,} items in one request.")


def check_queries(body: bytes, most: int) -> None:
    """Raise RequestInvalid if a body has more than `most` query vectors, or one that is too long."""
    check_count(body, "vectors", most)
    vectors = _field(body, "vectors")
    for vector in [_field(body, "vector"), *(_raw_items(vectors) if vectors.startswith("[") else ())]:
        if len(vector) > LARGE and _has_more(vector, MAX_DIMENSION):
            raise RequestInvalid(f"A vector has at most {MAX_DIMENSION:,} components.")


def check_search(body: bytes, most: int) -> None:
    """Raise RequestInvalid as `check_queries` and `check_terms` do."""
    check_terms(body)
    check_queries(body, most)


def check_facets(body: bytes, most: int) -> None:
    """Raise RequestInvalid if a body has more than `most` paths, and as `check_terms` does."""
    check_terms(body)
    check_count(body, "paths", most)


def check_terms(body: bytes) -> None:
    """Raise RequestInvalid if the JSON of words, or of a sparse vector, is longer than that of any valid one."""
    if len(_field(body, "text")) > _MAX_TEXT:
        raise RequestInvalid(f"text is too long: text.query may have {MAX_QUERY_TEXT:,} characters.")
    if len(_field(body, "sparse")) > _MAX_TEXT:
        raise RequestInvalid(f"sparse is too long: it may have {MAX_INDICES:,} indices.")


@cache
def batch_of_items() -> type[msgspec.Struct]:
    """Return a type of bodies whose field `vectors` has objects with id and vector."""
    item = msgspec.defstruct("Item", [("id", str), ("vector", msgspec.Raw)])
    return msgspec.defstruct("Items", [("vectors", list[item])])  # type: ignore[valid-type]


@cache
def batch_of_ids() -> type[msgspec.Struct]:
    """Return a type of bodies whose field `ids` has texts."""
    return msgspec.defstruct("Ids", [("ids", list[str] | msgspec.UnsetType, msgspec.UNSET)])


def _field(body: bytes, name: str) -> str:
    """Return the JSON text of a field of a body; empty text if the body does not have it, or is not an object."""
    try:
        return bytes(getattr(msgspec.json.decode(body, type=_only(name)), name)).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


@cache
def _only(name: str) -> type[msgspec.Struct]:
    return msgspec.defstruct("Only", [(name, msgspec.Raw, msgspec.field(default_factory=msgspec.Raw))])


def _has_more(array: str, most: int) -> bool:
    """Return True if a JSON text is an array of more than `most` items; the others are not decoded."""
    try:
        found = msgspec.json.decode(array, type=_first(most + 1))
    except (msgspec.DecodeError, RecursionError):
        return False
    return getattr(found, f"item{most}") is not msgspec.UNSET


@cache
def _first(count: int) -> type[msgspec.Struct]:
    """Return the type of an array of which the first `count` items are decoded."""
    fields = [(f"item{at}", msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for at in range(count)]
    return msgspec.defstruct("First", fields, array_like=True)


def _raw_items(array: str) -> list[str]:
    try:
        return [bytes(item).decode() for item in msgspec.json.decode(array, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, RecursionError):
        return []


def _items(array: str) -> Iterator[bytes]:
    """Yield the JSON text of each item of an array, one after the other, as far as the array is JSON."""
    decoder = json.JSONDecoder(parse_int=str, parse_float=str)
    at = _after_space(array, 0) + 1
    while array[at - 1 : at] in {"[", ","}:
        at = _after_space(array, at)
        try:
            _, end = decoder.raw_decode(array, at)
        except (ValueError, RecursionError):
            return
        yield array[at:end].encode("utf-8", "surrogatepass")
        at = _after_space(array, end) + 1


def _after_space(text: str, at: int) -> int:
    while text[at : at + 1] in _SPACE and at < len(text):
        at += 1
    return at
