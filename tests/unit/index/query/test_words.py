"""Conditions on words match the rows whose documents have the words, in every form that an index can have."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import vectors as v
from tests.support.forms import Step, changed, documents, opened_by_ranges
from tests.support.sections import PackedIndex, RecordingFetch
from tests.support.words_model import VOCABULARY, satisfies, wanted
from vectord.errors import FilterInvalid
from vectord.filters.parse import parse
from vectord.filters.tree import And, Exists, Filter, In, Not, Or, Words
from vectord.index.codec import decode
from vectord.index.query import words
from vectord.index.query.filtering import matching_rows
from vectord.index.state import Index
from vectord.lhv1.text_fields import TextField

FIELDS = {"body": TextField(), "by.title": TextField(None)}
IDS = [f"id {number}" for number in range(12)]

WORDS = st.lists(st.sampled_from(VOCABULARY), max_size=6).map(" ".join)
TEXTS = WORDS | st.lists(WORDS | st.lists(WORDS, max_size=2) | st.just(5), max_size=3)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "body": TEXTS | st.none() | st.fixed_dictionaries({"body": WORDS}),
        "by": st.fixed_dictionaries({"title": TEXTS}) | st.lists(st.fixed_dictionaries({"title": TEXTS}), max_size=2),
        "by.title": TEXTS,
        "n": st.integers(0, 2),
    },
)
STEP = st.dictionaries(st.sampled_from(IDS), st.just(...) | DOCUMENTS | st.just(["body"]), max_size=5)
STEPS = st.lists(STEP | st.lists(st.sampled_from(IDS), max_size=3), max_size=3)


def has_words(condition: Filter) -> bool:
    return not isinstance(condition, Words) or bool(wanted(condition.text, condition.path))


CONDITIONS = st.builds(
    Words, st.sampled_from(list(FIELDS)), st.sampled_from(["$match", "$match_any", "$phrase"]), WORDS
).filter(has_words) | st.builds(In, st.just("n"), st.just((1,)))
TREES = st.recursive(
    CONDITIONS,
    lambda inner: (
        st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(Not, inner)
    ),
    max_leaves=4,
)


def empty() -> Index:
    return v.declared(v.empty(3), FIELDS)


def blob_of(first: Step, steps: Sequence[Step]) -> bytes:
    built = PackedIndex(changed(empty(), first))
    for step in steps:
        built.commit(changed(built.index, step))
    return built.blob


def packed(first: Step, steps: Sequence[Step]) -> Index:
    return decode.open_blob(blob_of(first, steps))


def by_ranges(first: Step, steps: Sequence[Step]) -> Index:
    return opened_by_ranges(blob_of(first, steps), RecordingFetch())


def not_written(first: Step, steps: Sequence[Step]) -> Index:
    """Return a packed index after the first step, with all others in memory."""
    return reduce(changed, steps, packed(first, []))


def fresh(first: Step, steps: Sequence[Step]) -> Index:
    return reduce(changed, [first, *steps], empty())


def plain(first: Step, steps: Sequence[Step]) -> Index:
    return v.sealed(fresh(first, steps))


FORMS = [packed, by_ranges, not_written, fresh, plain]


def found(index: Index, tree: Filter) -> list[str]:
    return sorted(index.ids_of(matching_rows(index, tree).rows.tolist()))


@given(first=STEP.filter(bool), steps=STEPS, trees=st.lists(TREES, min_size=1, max_size=6))
@settings(max_examples=100, deadline=None)
@pytest.mark.slow
def test_a_filter_matches_the_rows_whose_documents_have_the_words(
    first: Step, steps: list[Step], trees: list[Filter]
) -> None:
    model = documents([first, *steps]).items()
    matching = [sorted(each for each, document in model if satisfies(tree, document)) for tree in trees]
    for form in FORMS:
        index = form(first, steps)
        assert [found(index, tree) for tree in trees] == matching, form


FORM = pytest.mark.parametrize("form", FORMS)


@FORM
@pytest.mark.parametrize(
    ("written", "ids"),
    [
        ({"$match": "brown quick"}, "abd"),
        ({"$match": "foxes"}, "ac"),
        ({"$match_any": "foxes bread"}, "acd"),
        ({"$phrase": "quick brown"}, "ab"),
        ({"$phrase": "brown quick"}, ""),  # not from one text of an array to the next
        ({"$phrase": "brown the fox"}, "c"),
        ({"$phrase": "the brown"}, "abcd"),
        ({"$match": "京"}, "e"),
        ({"$match": "東京"}, "e"),
        ({"$phrase": "東京 tower"}, ""),
        ({"$phrase": "京都 tower"}, "e"),
        ({"$phrase": "tower 京"}, "e"),
        ({"$match": "quick", "$not": {"$phrase": "quick brown"}}, "d"),
        ({"$not": {"$match": "quick"}}, "cef"),
    ],
    ids=str,
)
def test_operators(form: Any, written: dict[str, Any], ids: str) -> None:
    first = {
        "a": {"body": "A quick, brown fox."},
        "b": {"body": ["fast", "Quick brown"]},
        "c": {"body": "Brown as foxes, a brown and fox"},
    }
    steps = [
        {"d": {"body": ["Quick bread, brown", "quick"]}, "gone": {"body": "quick brown"}},
        ["gone"],
        {"e": {"body": "東京都 tower 京都"}, "f": ...},
    ]
    assert "".join(found(form(first, steps), parse({"body": written}))) == ids


def many() -> tuple[Index, RecordingFetch]:
    """Return an index with 2,000 rows in its base and 30 in a piece, with nothing fetched."""
    bodies = {
        f"id {row:04}": {"n": row % 7, "body": f"common word{row % 50} next{row % 20} filler {'x' * 200}"}
        for row in range(2_030)
    }
    first, more = dict(list(bodies.items())[:2_000]), dict(list(bodies.items())[2_000:])
    fetch = RecordingFetch()
    return opened_by_ranges(blob_of(first, [more]), fetch), fetch


@pytest.mark.slow
def test_words_are_found_without_documents_and_columns() -> None:
    index, fetch = many()
    assert matching_rows(index, parse({"body": {"$match": "word7 next7"}})).count == 21
    assert (len(fetch.rounds), fetch.bytes < 50_000) == (1, True)


@pytest.mark.parametrize(
    "index",
    [empty(), packed({"a": {"body": "x"}}, []), plain({"a": {"body": "x"}}, [])],
    ids=["empty", "packed", "plain"],
)
@pytest.mark.parametrize(
    ("written", "where", "reason"),
    [
        ({"other": {"$match": "x"}}, "filter.other.$match", "the index has the fields body, by.title"),
        ({"$or": [{"n": 1}, {"by": {"$phrase": "x"}}]}, "filter.$or[1].by.$phrase", "needs a field of texts"),
        ({"body": {"$not": {"$match_any": "the of"}}}, "filter.body.$not.$match_any", "has only stop words: of, the."),
        ({"body": {"$match": " ?! "}}, "filter.body.$match", "has no words"),
        ({"body": {"$match": "\ud800"}}, "filter.body.$match", "has no words"),
    ],
    ids=str,
)
def test_what_cannot_be_searched_is_refused(index: Index, written: dict[str, Any], where: str, reason: str) -> None:
    with pytest.raises(FilterInvalid) as refused:
        matching_rows(index, parse(written))
    assert refused.value.where == where
    assert reason in refused.value.reason


def test_a_field_that_no_build_has_read_is_refused() -> None:
    index = packed({"a": {"body": "x", "new": "x"}}, [])
    declared = index.params.text or {}
    later = v.declared(index, {**declared, "new": TextField()})
    with pytest.raises(FilterInvalid, match=r"filter.new.\$match needs a field of texts that a build has read"):
        matching_rows(later, parse({"new": {"$match": "x"}}))
    assert found(later, parse({"body": {"$match": "x"}})) == ["a"]
    fewer = v.declared(packed({"a": {"body": "x", "by.title": "y"}}, []), {"by.title": FIELDS["by.title"]})
    assert found(fewer, parse({"by.title": {"$match": "y"}})) == ["a"]
    without = v.declared(v.sealed(changed(v.empty(3), {"a": {"body": "x"}})), {})
    with pytest.raises(FilterInvalid, match="the index declares no fields"):
        matching_rows(without, parse({"body": {"$match": "x"}}))


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_documents_decide_where_too_many_terms_begin_with_a_character(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "_MAX_TERMS", limit)
    first = {f"id {number}": {"body": text} for number, text in enumerate(["東京", "東北", "東", "西東", "西"])}
    index = by_ranges(first, [{"tail": {"body": "東西"}}])
    assert found(index, parse({"body": {"$match": "東"}})) == ["id 0", "id 1", "id 2", "id 3", "tail"]
    assert found(index, parse({"body": {"$not": {"$match_any": "東 北"}}})) == ["id 4"]


@FORM
def test_an_index_without_rows_has_no_matches(form: Any) -> None:
    index = form({"a": {"body": "x"}}, [["a"]])
    assert found(index, parse({"body": {"$not": {"$match": "x"}}})) == []


def test_exists_and_words_of_one_path_are_combined() -> None:
    index = by_ranges({"a": {"body": "x"}, "b": {"body": 5}, "c": {}}, [])
    assert found(index, And((Exists("body"), Not(Words("body", "$match", "x"))))) == ["b"]


@pytest.mark.parametrize("phrase", ["quick brown", "京 tower"])
def test_a_phrase_may_begin_where_its_first_word_occurs_again(phrase: str) -> None:
    index = by_ranges(
        {"a": {"body": f"quick 京 red, {phrase}"}, "b": {"body": "brown quick red quick 京 red tower"}}, []
    )
    assert found(index, parse({"body": {"$phrase": phrase}})) == ["a"]
