"""Whether a document satisfies a filter: the meaning that every faster way of finding out must agree with."""

import operator
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Final

from vectord.filters.glob import fits
from vectord.filters.tree import All, Among, AnyOf, Compare, Exists, Filter, Glob, Not, Order, Prefix, Scalar


class Container(Enum):
    """Stands for an object or an array that lies at a path, be it empty."""

    HERE = "an object or an array"


type Leaf = Scalar | Container
type _Values = Mapping[str, list[Leaf]]  # what lies at each path that the filter names
type _Test = Callable[[_Values], bool]

_ORDERS: Final[Mapping[Order, Callable[[str | int | float, str | int | float], bool]]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def matches(tree: Filter, metadata: object) -> bool:
    """Tell whether a document's metadata, decoded from JSON, satisfies a filter; None if it has none."""
    return matcher(tree)(metadata)


def matcher(tree: Filter) -> Callable[[object], bool]:
    """Prepare `matches` of one filter for many documents."""
    test, wanted = _test(tree), _with_parents(keys(tree))

    def satisfied(metadata: object) -> bool:
        found: dict[str, list[Leaf]] = {}
        for path, leaf in leaves(metadata, wanted):
            found.setdefault(path, []).append(leaf)
        return test(found)

    return satisfied


def leaves(metadata: object, within: frozenset[str] | None = None) -> Iterator[tuple[str, Leaf]]:
    """Walk what lies in a document's metadata: each path with a scalar there, or with `Container.HERE`.

    A path comes once for each value there, so more than once where it leads through an array. What lies at no path
    (metadata that is a bare scalar) does not come. `within` leaves all other paths out, and what lies below them.
    """
    waiting: list[tuple[str | None, object]] = [(None, metadata)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            below = [(key if path is None else f"{path}.{key}", inner) for key, inner in reversed(value.items())]
            waiting += below if within is None else [(key, inner) for key, inner in below if key in within]
        elif isinstance(value, list):
            waiting += [(path, inner) for inner in reversed(value)]
        elif path is not None:
            assert value is None or isinstance(value, str | int | float), type(value)
            yield path, value
            continue
        if path is not None:
            yield path, Container.HERE


def keys(tree: Filter) -> frozenset[str]:
    """Give the paths that a filter speaks of."""
    match tree:
        case All(filters) | AnyOf(filters):
            return frozenset().union(*map(keys, filters))
        case Not(inner):
            return keys(inner)
        case _:
            return frozenset((tree.path,))


def _with_parents(paths: frozenset[str]) -> frozenset[str]:
    """Add what leads to each path: `a` and `a.b` to `a.b.c`."""
    return paths | {path[:at] for path in paths for at, character in enumerate(path) if character == "."}


def _test(tree: Filter) -> _Test:
    match tree:
        case All(filters):
            every = tuple(map(_test, filters))
            return lambda found: all(test(found) for test in every)
        case AnyOf(filters):
            some = tuple(map(_test, filters))
            return lambda found: any(test(found) for test in some)
        case Not(inner):
            test = _test(inner)
            return lambda found: not test(found)
        case Exists(path):
            return lambda found: path in found
        case _:
            path, holds = tree.path, _of_leaf(tree)
            return lambda found: any(map(holds, found.get(path, ())))


def _of_leaf(condition: Among | Compare | Prefix | Glob) -> Callable[[Leaf], bool]:
    match condition:
        case Among(_, values):
            accepted = frozenset(map(_identity, values))
            return lambda leaf: _identity(leaf) in accepted
        case Compare(_, order, operand):
            compare, kinds = _ORDERS[order], (str,) if isinstance(operand, str) else (int, float)
            return lambda leaf: type(leaf) in kinds and compare(leaf, operand)  # type: ignore[arg-type]
        case Prefix(_, text):
            return lambda leaf: isinstance(leaf, str) and leaf.startswith(text)
        case Glob(_, pattern):
            fitting = fits(pattern)
            return lambda leaf: isinstance(leaf, str) and fitting(leaf)


def _identity(leaf: Leaf) -> object:
    """Keep booleans apart from numbers: Python has True equal 1."""
    return (leaf,) if isinstance(leaf, bool) else leaf
