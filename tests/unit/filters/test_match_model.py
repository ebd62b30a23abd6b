"""Random filters and documents, compared with a second, slower implementation."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectord.errors import FilterInvalid
from vectord.filters import tree as filter_tree
from vectord.filters.match import Container, leaves, matches
from vectord.filters.parse import parse
from vectord.filters.tree import And, Compare, Comparison, Exists, Filter, Glob, In, Not, Or, Prefix, Scalar

pytestmark = pytest.mark.slow  # many random cases

# Few and similar values, so that filters often match, also nearly.
NUMBERS: list[int | float] = [0, 1, 1.0, -1, 1.5, 2**53, 2**53 + 1, float(2**53), 10**30]
TEXTS = ["", "a", "ab", "b", "B", "1", "é", "\uffff", "\U0001f600"]
KEYS = ["a", "b", "a.b", "", "$in"]
PATHS = ["a", "b", "a.b", "a.a", "b.a", "a.b.a", "a.a.b", "", "a.", ".a"]
PATTERNS = ["*", "a*", "*b", "?", "[ab]*", "[!a]", "a", "", "*?b"]
OPERATORS = ["$and", "$or", "$not", "$eq", "$ne", "$in", "$nin", "$gt", "$lte", "$exists", "$prefix", "$glob", "$gtt"]

scalars = st.sampled_from([None, True, False, *NUMBERS, *TEXTS])
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
paths = st.sampled_from(PATHS)
comparisons: st.SearchStrategy[Comparison] = st.sampled_from(["$gt", "$gte", "$lt", "$lte"])
conditions: st.SearchStrategy[Filter] = st.one_of(
    st.builds(In, paths, st.lists(scalars, max_size=3).map(tuple)),
    st.builds(Compare, paths, comparisons, st.sampled_from([*NUMBERS, *TEXTS])),
    st.builds(Exists, paths),
    st.builds(Prefix, paths, st.sampled_from(TEXTS)),
    st.builds(Glob, paths, st.sampled_from(PATTERNS)),
)


def joined(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    several = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(st.builds(And, several), st.builds(Or, several), st.builds(Not, inner))


trees: st.SearchStrategy[Filter] = st.recursive(conditions, joined, max_leaves=8)


def values_at(metadata: object, path: str) -> list[object]:
    """Return the values at a path, by trying every key that is a prefix of it."""
    if isinstance(metadata, list):
        return [value for item in metadata for value in values_at(item, path)]
    if not isinstance(metadata, dict):
        return []
    found: list[object] = []
    for key, value in metadata.items():
        if key == path:
            found += flat(value)
        if path.startswith(f"{key}."):
            found += values_at(value, path.removeprefix(f"{key}."))
    return found


def flat(value: object) -> list[object]:
    return [value, *(inner for item in value for inner in flat(item))] if isinstance(value, list) else [value]


def equal(left: object, right: object) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def satisfies(tree: Filter, metadata: object) -> bool:  # noqa: PLR0911  one return per type of filter
    match tree:
        case And(filters):
            return not [inner for inner in filters if not satisfies(inner, metadata)]
        case Or(filters):
            return bool([inner for inner in filters if satisfies(inner, metadata)])
        case Not(inner):
            return not satisfies(inner, metadata)
        case Exists(path):
            return bool(values_at(metadata, path))
        case In(path, values):
            return any(equal(found, value) for found in values_at(metadata, path) for value in values)
        case Compare(path, comparison, operand):
            return any(compares(found, comparison, operand) for found in values_at(metadata, path))
        case Prefix(path, text):
            return any(isinstance(found, str) and found[: len(text)] == text for found in values_at(metadata, path))
        case Glob(path, pattern):
            return any(isinstance(found, str) and glob_matches(pattern, found) for found in values_at(metadata, path))


def compares(found: Any, comparison: Comparison, operand: str | int | float) -> bool:
    number = isinstance(found, int | float) and not isinstance(found, bool)
    if not (isinstance(found, str) if isinstance(operand, str) else number):
        return False
    results = {"$gt": found > operand, "$gte": found >= operand, "$lt": found < operand, "$lte": found <= operand}
    return bool(results[comparison])


def glob_matches(pattern: str, text: str) -> bool:
    """Match a pattern with the sets [ab] and [!a] by trying every position for every star."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(glob_matches(pattern[1:], text[at:]) for at in range(len(text) + 1))
    token, accepted = next(
        (token, accepted)
        for token, accepted in (("[ab]", "ab".__contains__), ("[!a]", "a".__ne__), ("?", bool), (pattern[0], None))
        if pattern.startswith(token)
    )
    first = text[:1]
    return bool(first and (accepted or token.__eq__)(first)) and glob_matches(pattern[len(token) :], text[1:])


def written(tree: Filter) -> dict[str, Any]:  # noqa: PLR0911  one return per type of filter
    """Return a filter as JSON, one key per object."""
    match tree:
        case And(filters):
            return {"$and": [written(inner) for inner in filters]}
        case Or(filters):
            return {"$or": [written(inner) for inner in filters]}
        case Not(inner):
            return {"$not": written(inner)}
        case In(path, values):
            return {path: {"$in": list(values)}}
        case Compare(path, comparison, operand):
            return {path: {comparison: operand}}
        case Exists(path):
            return {path: {"$exists": True}}
        case Prefix(path, text):
            return {path: {"$prefix": text}}
        case Glob(path, pattern):
            return {path: {"$glob": pattern}}


@given(trees, documents)
def test_a_filter_gives_the_result_of_the_slow_implementation(tree: Filter, metadata: object) -> None:
    assert matches(tree, metadata) == satisfies(tree, metadata)


@given(documents)
def test_leaves_are_the_values_at_each_path(metadata: object) -> None:
    found_at: dict[str, list[object]] = {}
    for path, leaf in leaves(metadata):
        found_at.setdefault(path, []).append(leaf)
    assert {path: described(found) for path, found in found_at.items()} == {
        path: described(values_at(metadata, path)) for path in found_at
    }


def described(values: list[object]) -> list[str]:
    """Return leaves without order; containers are equal, and 1, 1.0 and True differ."""
    return sorted(
        "container" if isinstance(value, dict | list | Container) else f"{type(value)} {value}" for value in values
    )


@given(documents, st.sampled_from(PATHS))
def test_a_path_without_a_leaf_has_no_values(metadata: object, path: str) -> None:
    assert (path in dict(leaves(metadata))) == bool(values_at(metadata, path))


@given(trees, documents)
def test_a_double_negation_cancels_out(tree: Filter, metadata: object) -> None:
    assert matches(Not(Not(tree)), metadata) == matches(tree, metadata) != matches(Not(tree), metadata)


@given(st.lists(trees, min_size=1, max_size=3).map(tuple), documents)
def test_de_morgan(filters: tuple[Filter, ...], metadata: object) -> None:
    assert matches(Not(And(filters)), metadata) == matches(Or(tuple(map(Not, filters))), metadata)


@given(paths, st.lists(scalars, min_size=1, max_size=4), documents)
def test_in_means_any_value_and_nin_none(path: str, values: list[Scalar], metadata: object) -> None:
    equals = [matches(parse({path: value}), metadata) for value in values]
    assert matches(parse({path: {"$in": values}}), metadata) == any(equals)
    assert matches(parse({path: {"$nin": values}}), metadata) == (not any(equals))


@given(trees)
def test_a_filter_written_as_json_is_parsed_to_the_same_tree(tree: Filter) -> None:
    assert repr(parse(written(tree))) == repr(tree)


@given(trees)
def test_the_paths_of_a_filter_are_those_of_all_conditions(tree: Filter) -> None:
    assert filter_tree.paths(tree) == set(re.findall(r"path='([^']*)'", repr(tree)))


@given(trees, documents)
def test_a_constant_filter_has_its_value_for_every_document(tree: Filter, document: object) -> None:
    if (value := filter_tree.constant(tree)) is not None:
        assert matches(tree, document) is value


values = st.recursive(
    scalars | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*OPERATORS, "a", "b.c"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(values)
def test_any_json_is_refused_or_can_be_matched(value: object) -> None:
    try:
        tree = parse(value)
    except FilterInvalid as refused:
        assert refused.where.startswith("filter")
    else:
        assert repr(parse(written(tree))) == repr(tree)
        matches(tree, {"a": [1, "x"]})
