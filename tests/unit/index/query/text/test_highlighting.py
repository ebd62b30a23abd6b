"""A match shows where the words of a search stand in its texts, whatever else it shows, and without another request."""

import json
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from tests.support import vectors as v
from tests.support.sections import PACKED, PackedIndex, cold
from vectord.errors import DeadlineExceeded
from vectord.index.query.explanations import Highlight
from vectord.index.query.query import Answer, Match, Query, TextSearch
from vectord.index.query.text import hybrid
from vectord.index.query.text.search import search
from vectord.index.query.text_limits import MAX_SPANS
from vectord.index.state import Index
from vectord.lhv1.text_fields import TextField

TARGET = np.array([1, 0], np.float32)
FIELDS = {"body": TextField(), "tags": TextField(None), "by.title": TextField(None, stopwords=False)}


def packed(*metadata: Any) -> PackedIndex:
    found = PackedIndex(v.empty(2, text=FIELDS), PACKED)
    found.add(*(v.item(f"r{n}", [1, n], one) for n, one in enumerate(metadata)))
    return found


def found(index: Index, words: str, k: int = 10, **more: Any) -> Answer:
    of_query = {name: more.pop(name) for name in Query.__struct_fields__ if name in more}
    return search(index, Query(k, text=TextSearch(words, **more), highlight=True, **of_query))


def highlights(metadata: Any, words: str, **more: Any) -> list[tuple[str, list[str | int], list[str]]]:
    """Return the highlights of the only row: their fields, their places, and the parts of the texts."""
    [match] = found(packed(metadata).index, words, **more).matches
    return [(each.field, list(each.at), parts(match, each)) for each in match.highlights or ()]


def parts(match: Match, highlight: Highlight) -> list[str]:
    """Return the parts of a text that are highlighted, as a reader of the metadata finds them."""
    assert match.metadata is not None
    text = json.loads(bytes(match.metadata))
    for key in highlight.at:
        text = text[key]
    return [text[start:end] for start, end in highlight.spans]


def test_words_are_found_in_each_field_that_was_searched() -> None:
    metadata = {"body": "The foxes met a fox", "tags": "fox", "other": "fox"}
    assert highlights(metadata, "a fox") == [("body", ["body"], ["foxes", "fox"]), ("tags", ["tags"], ["fox"])]
    assert highlights(metadata, "fox", fields={"tags": 2.0}) == [("tags", ["tags"], ["fox"])]


def test_a_text_of_an_array_has_its_position() -> None:
    metadata = {"tags": ["red fox", 7, {"x": "fox"}, ["dog", "a fox"]], "by": [{"title": "x"}, {"title": "Fox"}]}
    assert highlights(metadata, "fox") == [
        ("by.title", ["by", 1, "title"], ["Fox"]),
        ("tags", ["tags", 0], ["fox"]),
        ("tags", ["tags", 3, 1], ["fox"]),
    ]


def test_a_key_with_a_dot_is_one_step() -> None:
    assert highlights({"by.title": "fox", "by": {"title": "fox"}}, "fox") == [
        ("by.title", ["by.title"], ["fox"]),
        ("by.title", ["by", "title"], ["fox"]),
    ]


def test_stop_words_are_highlighted_only_where_they_are_indexed() -> None:
    metadata = {"body": "the fox", "by": {"title": "The Fox"}}
    assert highlights(metadata, "the fox") == [
        ("body", ["body"], ["fox"]),
        ("by.title", ["by", "title"], ["The", "Fox"]),
    ]


def test_words_that_begin_with_a_prefix_are_highlighted() -> None:
    metadata = {"tags": "map maps amap mat red"}
    assert highlights(metadata, "red ma", prefix=True) == [("tags", ["tags"], ["map", "maps", "mat", "red"])]
    assert highlights(metadata, "red ma") == [("tags", ["tags"], ["red"])]


def test_of_characters_without_spaces_those_of_the_query_are_highlighted() -> None:
    metadata = {"body": "東京都に行く。黒い猫と猫"}
    assert highlights(metadata, "東京都") == [("body", ["body"], ["東京都"])]
    assert highlights(metadata, "猫") == [("body", ["body"], ["猫", "猫"])]


def test_metadata_that_is_not_included_is_read_and_left_out() -> None:
    index = packed({"body": "a fox"}, {"body": "a dog"}).index
    [match] = found(index, "fox", include_metadata=False, include_vectors=False).matches
    assert (match.metadata, match.highlights) == (None, (Highlight("body", ("body",), ((2, 5),)),))


def test_a_match_of_the_vector_alone_has_no_highlights() -> None:
    index = packed({"body": "a fox"}, {"body": "a dog"}, None).index
    query = Query(10, (TARGET,), text=TextSearch("fox"), highlight=True, include_metadata=False)
    assert {match.id: match.highlights for match in hybrid.search(index, query).matches} == {
        "r0": (Highlight("body", ("body",), ((2, 5),)),),
        "r1": (),
        "r2": (),
    }


def test_a_search_without_the_option_has_none() -> None:
    index = packed({"body": "a fox"}).index
    assert search(index, Query(1, text=TextSearch("fox"))).matches[0].highlights is None
    assert hybrid.search(index, Query(1, (TARGET,), text=TextSearch("fox"))).matches[0].highlights is None


def test_the_first_places_of_a_match_are_shown() -> None:
    index = packed({"body": "fox a dog " * MAX_SPANS, "tags": "fox"}).index
    [match] = found(index, "fox").matches
    assert [(each.field, len(each.spans)) for each in match.highlights or ()] == [("body", MAX_SPANS)]


@pytest.mark.parametrize("vectors", [(), (TARGET,)], ids=["words", "hybrid"])
def test_a_page_ends_before_its_highlights_are_too_large(vectors: tuple[v.F32, ...]) -> None:
    """A span has three times the bytes of a short word."""
    index = packed(*[{"tags": "x " * 200}] * 9).index
    query = Query(9, vectors, text=TextSearch("x"), highlight=True, include_metadata=False, include_vectors=False)
    by_words = hybrid.search if vectors else search
    whole, page = by_words(index, query), by_words(index, structs.replace(query, max_bytes=5_000, paged=True))
    assert (whole.more, len(whole.matches)) == (False, 9)
    assert (page.more, len(page.matches)) == (True, 4)
    assert page.matches == whole.matches[:4]


def test_the_deadline_is_checked_before_each_match() -> None:
    index, calls = packed(*[{"body": "fox"}] * 5).index, []

    def check() -> None:
        calls.append(1)
        if len(calls) > 5:
            raise DeadlineExceeded

    search(index, Query(5, text=TextSearch("fox")), check=check)
    with pytest.raises(DeadlineExceeded):
        search(index, Query(5, text=TextSearch("fox"), highlight=True), check=check)


@pytest.mark.parametrize("include_metadata", [True, False])
@pytest.mark.parametrize("vectors", [(), (TARGET,)], ids=["words", "hybrid"])
def test_no_other_bytes_are_read(vectors: tuple[v.F32, ...], include_metadata: bool) -> None:
    rows = packed(*({"body": f"fox {n} {'dog' * (n % 3)}"} for n in range(60)))
    rows.commit(rows.index, rebuild=True)
    rows.add(*(v.item(f"s{n}", [1, -n], {"body": "a dog and a fox"}) for n in range(20)))
    read = list[list[list[tuple[int, int]]]]()
    for highlight in (False, True):
        index, fetch = cold(rows.blob)
        query = Query(
            10, vectors, text=TextSearch("fox dog"), highlight=highlight, include_metadata=include_metadata, paged=True
        )
        answer = hybrid.search(index, query) if vectors else search(index, query)
        assert all((match.highlights is not None) == highlight for match in answer.matches)
        read.append(fetch.rounds)
    assert read[0] == read[1]
