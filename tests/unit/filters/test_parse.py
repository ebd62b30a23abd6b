"""Parsing a filter, its limits, and the error messages."""

from typing import Any

import pytest

from vectord.errors import FilterInvalid, RequestInvalid
from vectord.filters.limits import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    MAX_GLOBS,
    MAX_PATH,
    MAX_PATTERN,
    MAX_VALUES,
    MAX_WORDS,
)
from vectord.filters.parse import parse
from vectord.filters.tree import And, Compare, Exists, Filter, Glob, In, Not, Or, Prefix, Words

PARSED: list[tuple[dict[str, Any], Filter]] = [
    ({"a": "x"}, In("a", ("x",))),
    ({"a": None}, In("a", (None,))),
    ({"a": {"$eq": 1.5}}, In("a", (1.5,))),
    ({"a": {"$ne": 1}}, Not(In("a", (1,)))),
    ({"a": {"$in": [1, "x", None, True]}}, In("a", (1, "x", None, True))),
    ({"a": {"$nin": [1, 2]}}, Not(In("a", (1, 2)))),
    ({"a": {"$gt": 1}}, Compare("a", "$gt", 1)),
    ({"a": {"$gte": 1}}, Compare("a", "$gte", 1)),
    ({"a": {"$lt": "x"}}, Compare("a", "$lt", "x")),
    ({"a": {"$lte": 1.5}}, Compare("a", "$lte", 1.5)),
    ({"a": {"$exists": True}}, Exists("a")),
    ({"a": {"$exists": False}}, Not(Exists("a"))),
    ({"a": {"$prefix": "x"}}, Prefix("a", "x")),
    ({"a": {"$glob": "x*"}}, Glob("a", "x*")),
    ({"a": {"$match": "x y"}}, Words("a", "$match", "x y", "filter.a.$match")),
    ({"$and": [{"a": {"$match_any": ""}}]}, And((Words("a", "$match_any", "", "filter.$and[0].a.$match_any"),))),
    ({"a": {"$phrase": "x y"}}, Words("a", "$phrase", "x y", "filter.a.$phrase")),
    ({"a": {"$not": {"$gt": 1}}}, Not(Compare("a", "$gt", 1))),
    ({"a": {"$gt": 1, "$lt": 5}}, And((Compare("a", "$gt", 1), Compare("a", "$lt", 5)))),
    ({"a.b": 1, "c": 2}, And((In("a.b", (1,)), In("c", (2,))))),
    ({"$and": [{"a": 1}, {"b": 2}]}, And((In("a", (1,)), In("b", (2,))))),
    ({"$or": [{"a": 1}]}, Or((In("a", (1,)),))),
    ({}, And(())),
    ({"$and": []}, And(())),
    ({"$or": []}, Or(())),
    ({"$or": [{"a": 1}, {}]}, Or((In("a", (1,)), And(())))),
    ({"$not": {}}, Not(And(()))),
    ({"a": {"$in": []}}, In("a", ())),
    ({"a": {"$nin": []}}, Not(In("a", ()))),
    ({"$not": {"a": 1, "b": 2}}, Not(And((In("a", (1,)), In("b", (2,)))))),
]


@pytest.mark.parametrize(("written", "tree"), PARSED, ids=lambda value: str(value) if isinstance(value, dict) else "")
def test_a_filter_is_parsed(written: dict[str, Any], tree: Filter) -> None:
    assert parse(written) == tree


# The filter; the location in the error message; a part of the advice.
REFUSED: list[tuple[object, str, str]] = [
    (None, "filter", "must be an object"),
    ([{"a": 1}], "filter", "not an array"),
    ("a", "filter", "not a text"),
    (True, "filter", "not a boolean"),
    (5, "filter", "not a number"),
    ({"a": {}}, "filter.a", "has no operator"),
    ({"a": [1, 2]}, "filter.a", '{"$in": [...]}'),
    ({"a": {"$gtt": 1}}, "filter.a.$gtt", "Did you mean $gt or $gte?"),
    ({"a": {"$GTE": 1}}, "filter.a.$GTE", "Did you mean $gte"),
    ({"a": {"gt": 1}}, "filter.a.gt", "Did you mean $gt"),
    ({"a": {"$startsWith": "x"}}, "filter.a.$startsWith", "Did you mean $prefix?"),
    ({"a": {"$regex": "x"}}, "filter.a.$regex", "Did you mean $glob?"),
    ({"a": {"$zzz": 1}}, "filter.a.$zzz", "The operators are $eq, $ne,"),
    ({"a": {"b": 1}}, "filter.a.b", "join the keys with dots"),
    ({"a": {"$gt": 1, "b": 1}}, "filter.a.b", "join the keys with dots"),
    ({"a": {"$and": [{"b": 1}]}}, "filter.a.$and", "is an unknown operator"),
    ({"$gt": 5}, "filter.$gt", "must be under a path"),
    ({"$nor": [{"a": 1}]}, "filter.$nor", "Did you mean $not?"),
    ({"$zzz": 1}, "filter.$zzz", "The operators are $and, $or, $not"),
    ({"$and": {"a": 1}}, "filter.$and", "needs an array of filters, not an object"),
    ({"$or": [{"a": 1}, 5]}, "filter.$or[1]", "must be an object"),
    ({"$not": []}, "filter.$not", "must be an object"),
    ({"$and": [{"x": 1}, {"year": {"$gtt": 1}}]}, "filter.$and[1].year.$gtt", "Did you mean"),
    ({"$not": {"$or": [{"a": {"$lt": None}}]}}, "filter.$not.$or[0].a.$lt", "not null"),
    ({"a": {"$not": 5}}, "filter.a.$not", "use $ne"),
    ({"a": {"$not": {}}}, "filter.a.$not", "has no operator"),
    ({"a": {"$not": {"$gtt": 1}}}, "filter.a.$not.$gtt", "Did you mean"),
    ({"a": {"$eq": [1]}}, "filter.a.$eq", "not an array"),
    ({"a": {"$eq": {"b": 1}}}, "filter.a.$eq", "not an object"),
    ({"a": {"$gt": True}}, "filter.a.$gt", "not a boolean"),
    ({"a": {"$gte": None}}, "filter.a.$gte", "not null"),
    ({"a": {"$lt": [1]}}, "filter.a.$lt", "not an array"),
    ({"a": {"$in": 1}}, "filter.a.$in", "needs an array of values, not a number"),
    ({"a": {"$nin": "x"}}, "filter.a.$nin", "not a text"),
    ({"a": {"$in": [1, {"b": 1}]}}, "filter.a.$in[1]", "not an object"),
    ({"a": {"$exists": 1}}, "filter.a.$exists", "needs true or false, not a number"),
    ({"a": {"$exists": None}}, "filter.a.$exists", "not null"),
    ({"a": {"$prefix": 1}}, "filter.a.$prefix", "needs a text, not a number"),
    ({"a": {"$glob": ["x*"]}}, "filter.a.$glob", "needs a text, not an array"),
    ({"a": {"$match": 5}}, "filter.a.$match", "needs a text, not a number"),
    ({"a": {"$match_any": ["x"]}}, "filter.a.$match_any", "needs a text, not an array"),
    ({"a": {"$phrase": None}}, "filter.a.$phrase", "needs a text, not null"),
    ({"a": {"$match": "é" * 513}}, "filter.a.$match", "is longer than 1024 bytes"),
    ({"a": {"$matchAny": "x"}}, "filter.a.$matchAny", "Did you mean $match_any"),
    ({"a": {"$text": "x"}}, "filter.a.$text", "Did you mean $match?"),
    ({"$match": "x"}, "filter.$match", "must be under a path"),
    ({"a": float("nan")}, "filter.a", "a finite number"),
    ({"a": {"$gt": float("inf")}}, "filter.a.$gt", "a finite number"),
    ({"a": b"x"}, "filter.a", "not bytes"),
    ({1: 2}, "filter", "has a key that is not a text but a number"),
    ({"a": {1: 2}}, "filter.a", "has a key that is not a text but a number"),
    ({"my key": {"$gtt": 1}}, 'filter["my key"].$gtt', "Did you mean"),
    ({"k" * 5_000: {"$gtt": 1}}, f'filter["{"k" * 60}..."].$gtt', "Did you mean"),
]


@pytest.mark.parametrize(("written", "where", "advice"), REFUSED, ids=[str(case[0])[:50] for case in REFUSED])
def test_an_invalid_filter_is_refused_with_location_and_advice(written: object, where: str, advice: str) -> None:
    with pytest.raises(FilterInvalid) as refused:
        parse(written)
    assert refused.value.where == where
    assert advice in refused.value.reason
    assert str(refused.value) == f"{where} {refused.value.reason}"


def test_an_invalid_filter_is_an_invalid_request() -> None:
    assert issubclass(FilterInvalid, RequestInvalid)


def test_the_location_starts_with_the_name_that_the_caller_gives() -> None:
    with pytest.raises(FilterInvalid, match=r"^body\.filter\.a\.\$gtt "):
        parse({"a": {"$gtt": 1}}, "body.filter")


def nested(levels: int) -> dict[str, Any]:
    """Return a filter nested so many levels, by $and, $or and $not in turn."""
    written: dict[str, Any] = {"a": 1}
    for level in range(levels - 1):
        ways: list[dict[str, Any]] = [{"$and": [written]}, {"$or": [written]}, {"$not": written}]
        written = ways[level % 3]
    return written


def negated(levels: int) -> dict[str, Any]:
    """Return a filter on one path nested so many levels by $not."""
    operators: dict[str, Any] = {"$gt": 1}
    for _ in range(levels - 1):
        operators = {"$not": operators}
    return {"a": operators}


def globs(count: int) -> dict[str, Any]:
    return {"$or": [{"a": {"$glob": f"{number}*"}} for number in range(count)]}


def words(count: int) -> dict[str, Any]:
    operators = ("$match", "$match_any", "$phrase")
    return {"$or": [{"a": {operators[number % 3]: "x"}} for number in range(count)]}


def conditions(count: int) -> dict[str, Any]:
    return {"$or": [{"a": number} for number in range(count)]}


def values(count: int) -> dict[str, Any]:
    return {"a": {"$in": list(range(count - 1))}, "b": {"$nin": [0]}}


LIMITS = [
    (nested, MAX_DEPTH),
    (negated, MAX_DEPTH),
    (conditions, MAX_CONDITIONS),
    (lambda size: {"$or": [{}] * size}, MAX_CONDITIONS),
    (lambda size: {"$and": [{"$or": []}] * size}, MAX_CONDITIONS),
    (lambda size: {"." * size: 1}, MAX_PATH),
    (values, MAX_VALUES),
    (globs, MAX_GLOBS),
    (words, MAX_WORDS),
    (lambda size: {"a": {"$phrase": "x" * size}}, MAX_PATTERN),
    (lambda size: {"a": {"$prefix": "x" * size}}, MAX_PATTERN),
    (lambda size: {"a": {"$glob": "é" * (size // 2) + "x" * (size % 2)}}, MAX_PATTERN),
]


@pytest.mark.parametrize(("filter_of", "limit"), LIMITS)
def test_a_filter_at_a_limit_is_parsed(filter_of: Any, limit: int) -> None:
    parse(filter_of(limit))


@pytest.mark.parametrize(("filter_of", "limit"), LIMITS)
def test_a_filter_beyond_a_limit_is_refused_and_the_limit_is_named(filter_of: Any, limit: int) -> None:
    with pytest.raises(FilterInvalid, match=rf"\b{limit}\b"):
        parse(filter_of(limit + 1))


@pytest.mark.parametrize(
    "operand", [1, {"$exists": True}, {"$glob": "x"}, {"$match": "x"}, {"$gt": 1}, {"$in": [1]}], ids=str
)
def test_every_operator_counts_as_a_condition(operand: object) -> None:
    with pytest.raises(FilterInvalid, match=f"{MAX_CONDITIONS} conditions"):
        parse({"$or": [*conditions(MAX_CONDITIONS)["$or"], {"a": operand}]})


@pytest.mark.parametrize("filter_of", [nested, negated])
def test_a_very_deep_filter_is_refused(filter_of: Any) -> None:
    with pytest.raises(FilterInvalid, match=f"deeper than {MAX_DEPTH} levels"):
        parse(filter_of(10_000))


def test_a_deeply_nested_value_is_refused() -> None:
    value: list[Any] = []
    for _ in range(10_000):
        value = [value]
    for written in ({"a": value}, {"a": {"$in": value}}, {"$and": value}, {"a": {"$gt": value}}):
        with pytest.raises(FilterInvalid):
            parse(written)


def test_an_error_message_is_short_even_for_long_keys() -> None:
    with pytest.raises(FilterInvalid) as refused:
        parse({"p" * 100_000: {"$" + "o" * 100_000: 1}})
    assert len(str(refused.value)) < 500
