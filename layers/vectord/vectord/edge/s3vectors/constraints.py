"""The constraints of S3 Vectors' shapes, and the messages of AWS for values that violate them.

A constraint is an annotation of a struct's field: `Annotated[str, Length(3, 63)]`. msgspec checks types and ignores it;
`check` checks it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, TypeAliasType, Union, get_args, get_origin, get_type_hints

import msgspec

from vectord.edge.s3vectors.faults import FieldError, ShapeInvalid

MAX_ERRORS: Final = 100  # that one message lists


class Length(msgspec.Struct, frozen=True):
    """The length of a text in characters, or of a list or map in items."""

    least: int
    most: int | None = None

    def violation(self, value: Any) -> str | None:
        """Return how a value violates the constraint, or None."""
        if len(value) >= self.least and (self.most is None or len(value) <= self.most):
            return None
        return f"Member must have length {_bounds(self.least, self.most)}"


class Between(msgspec.Struct, frozen=True):
    """The value of a number."""

    least: int
    most: int | None = None

    def violation(self, value: Any) -> str | None:
        """Return how a value violates the constraint, or None."""
        if value >= self.least and (self.most is None or value <= self.most):
            return None
        return f"Member must be {_bounds(self.least, self.most)}"


class OneOf(msgspec.Struct, frozen=True):
    """A text of a list; not an enum of msgspec, because AWS names the values in this form."""

    values: tuple[str, ...]

    def violation(self, value: Any) -> str | None:
        """Return how a value violates the constraint, or None."""
        return None if value in self.values else f"Member must satisfy enum value set: [{', '.join(self.values)}]"


type Constraint = Length | Between | OneOf
_CONSTRAINTS: Final = (Length, Between, OneOf)
type _Check = Callable[[Any, str], Iterator[FieldError]]


def check(value: msgspec.Struct) -> None:
    """Check a struct, and the structs, lists and maps in it.

    Raises:
        ShapeInvalid: values violate their constraints; lists the first hundred.
    """
    found = []
    for error in _struct_check(type(value))(value, ""):
        found.append(error)
        if len(found) == MAX_ERRORS:
            break
    if found:
        raise ShapeInvalid(found)


def _bounds(least: int, most: int | None) -> str:
    return f"greater than or equal to {least}" if most is None else f"between {least} and {most}, inclusive"


@cache
def _struct_check(struct: type[msgspec.Struct]) -> _Check:
    """Return the check of a struct's fields."""
    hints = get_type_hints(struct, include_extras=True)
    checks = [
        (field.name, field.encode_name, found)
        for field in msgspec.structs.fields(struct)
        if (found := _check_of(hints[field.name])) is not None
    ]

    def run(value: Any, path: str) -> Iterator[FieldError]:
        for name, encoded, found in checks:
            member = getattr(value, name)
            if member is not None:
                yield from found(member, f"{path}/{encoded}")

    return run


def _check_of(hint: Any) -> _Check | None:
    """Return the check of a type, None if it has no constraint."""
    origin, arguments = get_origin(hint), get_args(hint)
    if isinstance(hint, TypeAliasType):
        found = _check_of(hint.__value__)
    elif origin is Annotated:
        found = _all([one for one in arguments[1:] if isinstance(one, _CONSTRAINTS)], _check_of(arguments[0]))
    elif origin in (Union, UnionType):  # with None, which is not checked
        found = _check_of(next(one for one in arguments if one is not type(None)))
    elif origin is list:
        found = _items(_check_of(arguments[0]))
    elif origin is dict:
        found = _members(_check_of(arguments[0]), _check_of(arguments[1]))
    elif isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        found = _struct_check(hint)
    else:
        found = None
    return found


def _all(constraints: Sequence[Constraint], inner: _Check | None) -> _Check:
    def run(value: Any, path: str) -> Iterator[FieldError]:
        for constraint in constraints:
            if violation := constraint.violation(value):
                yield FieldError(
                    path, f"{_described(constraint, value)} at '{path}' failed to satisfy constraint: {violation}"
                )
        if inner is not None:
            yield from inner(value, path)

    return run


def _described(constraint: Constraint, value: Any) -> str:
    """Return what AWS calls a value: only a violated length is named."""
    return f"Value with length {len(value)}" if isinstance(constraint, Length) else "Value"


def _items(inner: _Check | None) -> _Check | None:
    if inner is None:
        return None

    def run(value: Sequence[Any], path: str) -> Iterator[FieldError]:
        for position, item in enumerate(value):
            yield from inner(item, f"{path}/{position}")

    return run


def _members(of_keys: _Check | None, of_values: _Check | None) -> _Check | None:
    if of_keys is None and of_values is None:
        return None

    def run(value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
        for key, member in value.items():
            if of_keys is not None:
                yield from of_keys(key, path)
            if of_values is not None:
                yield from of_values(member, f"{path}/{key}")

    return run
