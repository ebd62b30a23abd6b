"""Say why a JSON text was refused, and what to send instead. Only a refused request pays for this."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

_MAX_DIAGNOSED: Final = 6 << 20  # bytes; the fields of a larger body could fill the memory
_TYPES: Final = {"{": "an object", "[": "an array", '"': "a text", "t": "true", "f": "false", "n": "null"}


def shape_reason(body: bytes, kind: type[msgspec.Struct], error: msgspec.ValidationError) -> str:
    """Return why `body`, which is JSON, is not a `kind`: the field, what it must be, and what it is."""
    if len(body) > _MAX_DIAGNOSED:
        return f"The body is not valid: {error}. {_fields(kind)}"
    try:
        members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        return f"The body must be a JSON object, not {_type_name(body)}. {_fields(kind)}"
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    if unknown := members.keys() - fields.keys():
        return f"The body has an unknown field {_shortened(min(unknown))!r}. {_fields(kind)}"
    if missing := [name for name, field in fields.items() if field.required and name not in members]:
        return f"The body must have the field {missing[0]!r}."
    for name, text in members.items():
        if wrong := _wrong_value(name, bytes(text), fields[name].type):
            return wrong
    return f"The body is not valid: {error}."


def _wrong_value(name: str, text: bytes, kind: Any) -> str | None:
    """Return what is wrong with the value of a field or of an item of it; None if it is a `kind`."""
    from msgspec import inspect  # noqa: PLC0415  takes 3 ms, and only an invalid body needs it

    info = inspect.type_info(kind)
    try:
        msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        where = str(error).replace("`$", f"`{name}")  # msgspec's path of the wrong item, such as `$[1][0]`
        return f"{name} must be {_described(inspect, info)}: {where}."
    return None


def _described(inspect: Any, info: Any, *, several: bool = False) -> str:
    match info:
        case inspect.Metadata():
            return _described(inspect, info.type, several=several)
        case inspect.UnionType():
            kinds = [one for one in info.types if not isinstance(one, inspect.NoneType)]
            return " or ".join(_described(inspect, one, several=several) for one in kinds)
        case inspect.ListType():
            return f"{'arrays' if several else 'an array'} of {_described(inspect, info.item_type, several=True)}"
        case inspect.LiteralType():
            return " or ".join(map(repr, info.values))
        case _:
            return _NAMES.get(type(info).__name__, ("JSON", "JSON values"))[several]


_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "IntType": ("an integer", "integers"),
    "FloatType": ("a number", "numbers"),
    "StrType": ("a text", "texts"),
    "StructType": ("an object", "objects"),
    "DictType": ("an object", "objects"),
    "BoolType": ("true or false", "booleans"),
}


def _type_name(text: bytes) -> str:
    return _TYPES.get(text.lstrip()[:1].decode(), "a number")


def _fields(kind: type[msgspec.Struct]) -> str:
    return f"Its fields are: {', '.join(kind.__struct_fields__)}."


def _shortened(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:60]}..."
