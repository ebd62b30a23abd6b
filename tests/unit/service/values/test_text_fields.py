"""Which of the declared text fields a search can use."""

import numpy as np
from msgspec import structs

from vectord.index import state
from vectord.index.mutations import with_rows
from vectord.index.rows import Rows
from vectord.index.state import Index
from vectord.lhv1.params import new_params
from vectord.lhv1.text_fields import SPARSE, TextField, TextFields
from vectord.service.values.text_fields import DeclareText, searchable_fields, with_text

ENGLISH, GERMAN = TextField(), TextField("german")


def index(declared: TextFields, built: TextFields) -> Index:
    empty = state.empty_index(new_params("t", 2, text=declared))
    rows = Rows(["a"], np.ones((1, 2), np.float32), {})
    return structs.replace(with_rows(empty, rows), text_fields=built)


def test_a_field_that_the_sections_have_is_searchable() -> None:
    assert searchable_fields(index({"body": ENGLISH, "title": ENGLISH}, {"body": ENGLISH})) == {"body"}


def test_a_field_that_the_sections_have_with_other_options_is_not_searchable_as_declared() -> None:
    assert searchable_fields(index({"body": GERMAN}, {"body": ENGLISH})) == set()


def test_a_field_that_is_no_longer_declared_is_not_searchable() -> None:
    assert searchable_fields(index({"title": ENGLISH}, {"body": ENGLISH, "title": ENGLISH})) == {"title"}


def test_every_field_of_an_index_without_rows_is_searchable() -> None:
    assert searchable_fields(state.empty_index(new_params("t", 2, text={"body": ENGLISH}))) == {"body"}
    assert searchable_fields(state.empty_index(new_params("t", 2))) == set()


def test_other_fields_of_texts_leave_sparse_vectors_declared() -> None:
    params = new_params("t", 2, text={"body": ENGLISH, "splade": SPARSE})
    assert with_text(params, {"title": GERMAN}).text == {"title": GERMAN, "splade": SPARSE}
    assert with_text(params, {}).text == {"splade": SPARSE}


def test_a_declaration_of_neither_changes_nothing() -> None:
    before = index({"body": ENGLISH, "splade": SPARSE}, {"body": ENGLISH})
    assert DeclareText().apply(before, "t", lambda: None) == (before, (0,))
