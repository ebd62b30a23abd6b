"""Test whether one document satisfies a filter. This defines what a filter means; columns must agree with it."""

import operator
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Final, Protocol

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.filters.glob import glob_matcher
from vectord.filters.tree import (
    And,
    Compare,
    Comparison,
    Exists,
    Filter,
    Glob,
    In,
    Not,
    Or,
    Prefix,
    Scalar,
    Words,
    paths,
)


class Container(Enum):
    """Stands for an object or an array at a path, which may be empty."""

    PRESENT = "an object or an array"


type Leaf = Scalar | Container
type _Leaves = Mapping[str, list[Leaf]]  # path -> leaves, for each path that the filter tests
type _Predicate = Callable[[_Leaves, int], bool]
type TestWords = Callable[[Words, Sequence[Leaf], int], bool]
"""Whether the leaves at the path of a condition on words satisfy it; the number is that of the row."""

_LARGE: Final = 2**63  # a float beyond is a whole number
_SHORT: Final = 64  # characters of a path whose answer is kept
_MAX_KNOWN: Final = 1_000
_MANY_LEAVES: Final = 1_000  # at one path; from this many on, each condition checks the deadline

_COMPARISONS: Final[Mapping[Comparison, Callable[[str | int | float, str | int | float], bool]]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def matches(tree: Filter, metadata: object) -> bool:
    """Return True if a document's metadata, decoded from JSON, satisfies a filter; None stands for no metadata."""
    return matcher(tree)(metadata)


class Satisfies(Protocol):
    """Tests the metadata of a document. Conditions on words need the number of its row."""

    def __call__(self, metadata: object, row: int = 0) -> bool: ...


def matcher(tree: Filter, check: DeadlineCheck = no_deadline, words: TestWords | None = None) -> Satisfies:
    """Return a function that tests the metadata of a document, as `matches` does; for many documents it is faster.

    The function calls `check` before each match of a glob, and before each condition on many values. `words` tests
    conditions on words.
    """
    predicate, relevant = _predicate(tree, check, words), PathsAndParents(paths(tree), check)

    def satisfies(metadata: object, row: int = 0) -> bool:
        leaves_at: dict[str, list[Leaf]] = {}
        for path, leaf in leaves(metadata, relevant):
            leaves_at.setdefault(path, []).append(leaf)
        return predicate(leaves_at, row)

    return satisfies


class PathsAndParents(dict[str, bool]):
    """Whether a path is one of some paths or a parent of one; `a` and `a.b` are the parents of `a.b.c`.

    Answers about short paths are kept, because documents have the same keys. The parents are not listed: 1,000 long
    paths of dots would have millions. `check` is called before an answer is found.
    """

    def __init__(self, paths: Iterable[str], check: DeadlineCheck = no_deadline) -> None:
        super().__init__()
        self._paths, self._check = sorted(paths), check

    def __missing__(self, path: str) -> bool:
        self._check()
        start = f"{path}."
        known = path in self._from(path) or any(one.startswith(start) for one in self._from(start))
        if len(path) <= _SHORT and len(self) < _MAX_KNOWN:
            self[path] = known
        return known

    def _from(self, text: str) -> Sequence[str]:
        """Return the first path from `text` on in their order, if there is one."""
        at = bisect_left(self._paths, text)
        return self._paths[at : at + 1]


def leaves(metadata: object, only: PathsAndParents | None = None) -> Iterator[tuple[str, Leaf]]:
    """Yield each path in a document's metadata with the scalar at it, or with `Container.PRESENT`.

    A path inside an array is yielded once per element. A scalar that is the whole document has no path and is not
    yielded. With `only`, other paths and everything below them are skipped.
    """
    stack: list[tuple[str | None, object]] = [(None, metadata)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            members = ((key if path is None else f"{path}.{key}", inner) for key, inner in reversed(value.items()))
            stack += members if only is None else (member for member in members if only[member[0]])
        elif isinstance(value, list):
            stack += [(path, inner) for inner in reversed(value)]
        elif path is not None:
            assert value is None or isinstance(value, str | int | float), type(value)
            yield path, value
            continue
        if path is not None:
            yield path, Container.PRESENT


def _predicate(tree: Filter, check: DeadlineCheck, words: TestWords | None) -> _Predicate:
    match tree:
        case And(filters):
            predicates = tuple(_predicate(each, check, words) for each in filters)
            return lambda leaves_at, row: all(predicate(leaves_at, row) for predicate in predicates)
        case Or(filters):
            predicates = tuple(_predicate(each, check, words) for each in filters)
            return lambda leaves_at, row: any(predicate(leaves_at, row) for predicate in predicates)
        case Not(inner):
            negated = _predicate(inner, check, words)
            return lambda leaves_at, row: not negated(leaves_at, row)
        case Exists(path):
            return lambda leaves_at, _: path in leaves_at
        case Words(path):
            if words is None:
                raise AssertionError("only an index can test words")
            return lambda leaves_at, row: words(tree, leaves_at.get(path, ()), row)
        case _:
            return _any_leaf(tree.path, _leaf_predicate(tree, check), check)


def _any_leaf(path: str, leaf_predicate: Callable[[Leaf], bool], check: DeadlineCheck) -> _Predicate:
    def is_true(leaves_at: _Leaves, _: int) -> bool:
        found = leaves_at.get(path, ())
        if len(found) >= _MANY_LEAVES:
            check()
        return any(map(leaf_predicate, found))

    return is_true


def _leaf_predicate(condition: In | Compare | Prefix | Glob, check: DeadlineCheck) -> Callable[[Leaf], bool]:
    match condition:
        case In(_, values):
            accepted = frozenset(map(_identity, values))
            return lambda leaf: _identity(leaf) in accepted
        case Compare(_, comparison, operand):
            compare, types = _COMPARISONS[comparison], (str,) if isinstance(operand, str) else (int, float)
            return lambda leaf: type(leaf) in types and compare(leaf, operand)  # type: ignore[arg-type]
        case Prefix(_, text):
            return lambda leaf: isinstance(leaf, str) and leaf.startswith(text)
        case Glob(_, pattern):
            return _glob_predicate(pattern, check)


def _glob_predicate(pattern: str, check: DeadlineCheck) -> Callable[[Leaf], bool]:
    matches_glob = glob_matcher(pattern)

    def is_match(leaf: Leaf) -> bool:
        if not isinstance(leaf, str):
            return False
        check()
        return matches_glob(leaf)

    return is_match


def _identity(leaf: Leaf) -> object:
    """Return a key that differs for booleans and numbers, because True equals 1 in Python.

    Python hashes a number as its remainder modulo 2^61 - 1. So a caller can choose large numbers with equal hashes, and
    a set of them takes quadratic time. Texts have random hashes.
    """
    if isinstance(leaf, bool):
        return (leaf,)
    if isinstance(leaf, int | float) and not -_LARGE < leaf < _LARGE:
        return (hex(int(leaf)),)
    return leaf
