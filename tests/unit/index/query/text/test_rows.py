"""The rows that are counted for some words are those that a search finds in all of its pages."""

from typing import Any

import pytest

from tests.support import vectors as v
from tests.support.worded import Worded, drawn_rows
from vectord.deadline import no_deadline
from vectord.errors import CursorInvalid, VectordError
from vectord.index.query.query import FieldStatistics, Query, TextSearch, TextStatistics
from vectord.index.query.text.rows import with_terms
from vectord.index.query.text.search import search
from vectord.index.query.text_errors import TextFieldUnknown, TextNotDeclared, TextWithoutWords
from vectord.index.rows import RowMask
from vectord.lhv1.text_fields import TextField


@pytest.fixture(scope="module")
def worded() -> Worded:
    """Rows in the base and in a piece of the tail; some of each were removed or replaced."""
    found = Worded(drawn_rows(60, 1))
    found.add(drawn_rows(12, 3, "r"))
    found.add(drawn_rows(20, 2, "s"))
    found.remove("r020", "r059", "s003")
    return found


def counted(worded: Worded, text: TextSearch, mask: RowMask | None = None) -> list[str]:
    index = worded.packed.index
    return sorted(index.ids_of(with_terms(index, text, None, mask, no_deadline).rows.tolist()))


@pytest.mark.parametrize(
    "text",
    [
        TextSearch("fox dog"),
        TextSearch("the fox", match="all"),
        TextSearch("fox dog sun", {"by.title": 2.0}, match="all"),
        TextSearch("cat fo", prefix=True),
        TextSearch("cat fo", match="all", prefix=True),
        TextSearch("fox jam", min_relevance=1.2),
        TextSearch("fox jam", match="all", min_relevance=1.5),
        TextSearch("unknown"),
        TextSearch("unknown fox", match="all"),
        TextSearch("zz", prefix=True),
    ],
    ids=str,
)
@pytest.mark.parametrize("filtered", [False, True])
def test_a_row_is_counted_if_a_search_finds_it(worded: Worded, text: TextSearch, filtered: bool) -> None:
    index = worded.packed.index
    mask = index.live.without(range(0, len(index), 3)) if filtered else None
    found = [match.id for match in search(index, Query(1_000, text=text), mask).matches]
    assert counted(worded, text, mask) == sorted(found)
    assert len(found) < len(index)


def test_a_row_with_a_stop_word_alone_is_not_counted() -> None:
    worded = Worded({"a": ("the of", "", v.f32([1, 1, 1, 1])), "b": ("fox", "", v.f32([1, 1, 1, 1]))})
    assert counted(worded, TextSearch("the fox", {"body": 1.0})) == ["b"]


def test_statistics_of_all_shards_decide_which_words_a_prefix_stands_for(worded: Worded) -> None:
    index = worded.packed.index
    known = TextStatistics(500, {"body": FieldStatistics(5_000, {"fox": 9})})
    text = TextSearch("fo", {"body": 1.0}, prefix=True)
    found = index.ids_of(with_terms(index, text, known, None, no_deadline).rows.tolist())
    assert set(found) == {i for i, row in worded.rows.items() if "fox" in row[0].split()}
    assert len(counted(worded, text)) > len(found)  # with those that have only "fog"


@pytest.mark.parametrize(
    ("text", "known", "error"),
    [
        (TextSearch("the", {"body": 1.0}), None, TextWithoutWords),
        (TextSearch("fox", {"other": 1.0}), None, TextFieldUnknown),
        (TextSearch("fox"), TextStatistics(5, {"other": FieldStatistics(1, {})}), CursorInvalid),
    ],
)
def test_words_that_cannot_be_searched_cannot_be_counted(
    worded: Worded, text: TextSearch, known: Any, error: type[VectordError]
) -> None:
    with pytest.raises(error):
        with_terms(worded.packed.index, text, known, None, no_deadline)


def test_an_index_without_texts_has_no_words() -> None:
    with pytest.raises(TextNotDeclared):
        with_terms(v.empty(2), TextSearch("fox"), None, None, no_deadline)


def test_an_index_without_rows_has_none_to_count() -> None:
    index = v.empty(2, text={"body": TextField()})
    for text in (TextSearch("fox"), TextSearch("fox", min_relevance=1.0), TextSearch("fox", match="all")):
        assert not with_terms(index, text, None, None, no_deadline).count
