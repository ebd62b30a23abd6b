"""Say which members of a JSON body do not have the types of its shape. Only a refused request pays for this."""

from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeAliasType, Union, get_args, get_origin, get_type_hints

import msgspec

from vectord.edge.s3vectors.faults import FieldError

_KINDS: Final[Mapping[type, str]] = {str: "a string", int: "an integer", bool: "true or false"}
_MAX_NAME: Final = 100  # characters of the name of an unknown member


def mismatches(data: bytes, kind: Any, path: str = "") -> Iterator[FieldError]:
    """Yield the members of JSON text that is not a `kind`, the type of a shape or of a member of one."""
    hint = _plain(kind)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield from _of_struct(data, hint, path)
    elif get_origin(hint) is list:
        yield from _of_list(data, get_args(hint)[0], path)
    elif get_origin(hint) is dict:
        yield from _of_map(data, get_args(hint)[1], path)
    else:
        yield _violation(path, f"Member must be {_KINDS[hint]}")


def _of_struct(data: bytes, struct: type[msgspec.Struct], path: str) -> Iterator[FieldError]:
    members = _decoded(data, dict[str, msgspec.Raw])
    if members is None:
        yield _violation(path, "Member must be an object")
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    hints = get_type_hints(struct, include_extras=True)
    for name in (name for name in members if name not in fields):
        where = f"{path}/{name[:_MAX_NAME]}"
        yield FieldError(where, f"There is no member '{where}'. The members are: {', '.join(fields)}")
    for name, field in fields.items():
        text, where = bytes(members.get(name, b"null")), f"{path}/{name}"
        if text == b"null" and field.required:
            yield _violation(where, "Member must not be null")
        elif name in members and _decoded(text, hints[field.name], default=where) is where:
            yield from mismatches(text, hints[field.name], where)


def _of_list(data: bytes, kind: Any, path: str) -> Iterator[FieldError]:
    items = _decoded(data, list[msgspec.Raw])
    if items is None:
        yield _violation(path, "Member must be a list")
        return
    for position, item in enumerate(items):
        where = f"{path}/{position}"
        if _decoded(bytes(item), kind, default=where) is where:
            yield from mismatches(bytes(item), kind, where)


def _of_map(data: bytes, kind: Any, path: str) -> Iterator[FieldError]:
    members = _decoded(data, dict[str, msgspec.Raw])
    if members is None:
        yield _violation(path, "Member must be an object")
        return
    for name, text in members.items():
        where = f"{path}/{name[:_MAX_NAME]}"
        if _decoded(bytes(text), kind, default=where) is where:
            yield from mismatches(bytes(text), kind, where)


def _decoded(data: bytes, kind: Any, default: Any = None) -> Any:
    """Return JSON text as a `kind`, or `default` if it is not one."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError:
        return default


def _plain(hint: Any) -> Any:
    """Return a type without its constraints and without None."""
    if isinstance(hint, TypeAliasType):
        return _plain(hint.__value__)
    if get_origin(hint) is Annotated:
        return _plain(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return _plain(next(one for one in get_args(hint) if one is not NoneType))
    return hint


def _violation(path: str, reason: str) -> FieldError:
    path = path or "/"
    return FieldError(path, f"Value at '{path}' failed to satisfy constraint: {reason}")
