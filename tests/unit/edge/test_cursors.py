"""Cursors: they carry fields through a caller's hands, and tell when they come back to the wrong place."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectord.edge import pagination
from vectord.errors import CursorInvalid


class Place(msgspec.Struct, array_like=True):
    distance: float
    id: str


PAGES = ["search", "films", {"year": 1979}]
PLACE = Place(0.1, "a/é")


@given(distance=st.floats(allow_nan=False), vector_id=st.text())
def test_a_cursor_brings_back_what_it_was_given(distance: float, vector_id: str) -> None:
    place = Place(distance, vector_id)
    assert pagination.opened(pagination.sealed(PAGES, place), PAGES, Place) == place


def test_a_cursor_needs_no_escapes_in_a_url() -> None:
    for number in range(64):
        assert pagination.sealed(PAGES, Place(number, "é" * number)).replace("-", "a").replace("_", "a").isalnum()


@pytest.mark.parametrize("others", [["search", "songs", {"year": 1979}], ["search", "films", {"year": 1980}], []])
def test_a_cursor_of_other_pages_is_refused(others: list[object]) -> None:
    with pytest.raises(CursorInvalid):
        pagination.opened(pagination.sealed(others, PLACE), PAGES, Place)


def test_a_cursor_with_any_character_changed_is_refused() -> None:
    cursor = pagination.sealed(PAGES, PLACE)
    for at, character in enumerate(cursor[:-1]):  # the last holds spare bits
        with pytest.raises(CursorInvalid):
            pagination.opened(cursor[:at] + ("B" if character == "A" else "A") + cursor[at + 1 :], PAGES, Place)


@given(cursor=st.text() | st.binary().map(lambda data: data.hex()))
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        pagination.opened(cursor, PAGES, Place)


def test_a_cut_cursor_is_refused() -> None:
    cursor = pagination.sealed(PAGES, PLACE)
    for length in range(len(cursor) - 1):
        with pytest.raises(CursorInvalid):
            pagination.opened(cursor[:length], PAGES, Place)
