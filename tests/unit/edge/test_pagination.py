"""Cursors carry fields through the caller's hands and are valid for one request only; page sizes are bounded."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectord.edge import pagination, versions
from vectord.errors import CursorInvalid, RequestInvalid
from vectord.storage.base import VersionPage


class Place(msgspec.Struct, array_like=True):
    distance: float
    id: str


REQUEST = ["search", "films", {"year": 1979}]
PLACE = Place(0.1, "a/é")

names = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}", fullmatch=True)


class TestCursor:
    @given(distance=st.floats(allow_nan=False), vector_id=st.text())
    def test_decodes_to_the_fields_that_were_encoded(self, distance: float, vector_id: str) -> None:
        place = Place(distance, vector_id)
        assert pagination.decode_cursor(pagination.encode_cursor(REQUEST, place), REQUEST, Place) == place

    def test_needs_no_escapes_in_a_url(self) -> None:
        for number in range(64):
            cursor = pagination.encode_cursor(REQUEST, Place(number, "é" * number))
            assert cursor.replace("-", "a").replace("_", "a").isalnum()

    @pytest.mark.parametrize("other", [["search", "songs", {"year": 1979}], ["search", "films", {"year": 1980}], []])
    def test_of_another_request_is_refused(self, other: list[object]) -> None:
        with pytest.raises(CursorInvalid):
            pagination.decode_cursor(pagination.encode_cursor(other, PLACE), REQUEST, Place)

    def test_with_any_character_changed_is_refused(self) -> None:
        cursor = pagination.encode_cursor(REQUEST, PLACE)
        for at, character in enumerate(cursor):
            for other in "-_059AZaz+/=" + chr(ord(character) ^ 1):
                changed = cursor[:at] + other + cursor[at + 1 :]
                if changed != cursor:
                    with pytest.raises(CursorInvalid):
                        pagination.decode_cursor(changed, REQUEST, Place)

    @pytest.mark.parametrize("more", ["=", "==", "====", "A", "AAAA", " ", "\n"])
    def test_that_is_longer_is_refused(self, more: str) -> None:
        for place in (PLACE, Place(0.1, "a"), Place(0.1, "ab")):
            with pytest.raises(CursorInvalid):
                pagination.decode_cursor(pagination.encode_cursor(REQUEST, place) + more, REQUEST, Place)

    def test_that_was_cut_is_refused(self) -> None:
        cursor = pagination.encode_cursor(REQUEST, PLACE)
        for length in range(len(cursor)):
            with pytest.raises(CursorInvalid):
                pagination.decode_cursor(cursor[:length], REQUEST, Place)

    @given(text=st.text() | st.binary().map(lambda data: data.hex()))
    def test_of_arbitrary_text_is_refused(self, text: str) -> None:
        with pytest.raises(CursorInvalid):
            pagination.decode_cursor(text, REQUEST, Place)


class TestIndexPage:
    def test_starts_at_the_first_of_a_hundred_indexes_by_default(self) -> None:
        assert pagination.read_index_page({}) == ("", 100, None)

    @pytest.mark.parametrize(("text", "limit"), [("1", 1), ("42", 42), ("1000", 1_000)])
    def test_has_the_size_that_limit_states(self, text: str, limit: int) -> None:
        assert pagination.read_index_page({"limit": text})[1] == limit

    @pytest.mark.parametrize(
        "text", ["", "0", "-1", "1001", "1e2", "1.0", " 1", "+1", "ten", "٣", "²", "0000010000", "9" * 5_000]
    )
    def test_of_any_other_limit_is_refused(self, text: str) -> None:
        with pytest.raises(RequestInvalid, match="limit"):
            pagination.read_index_page({"limit": text})

    def test_with_an_unknown_parameter_is_refused_by_its_name(self) -> None:
        with pytest.raises(RequestInvalid, match="'offset'"):
            pagination.read_index_page({"offset": "1"})

    @given(names)
    def test_continues_after_the_name_in_its_cursor(self, name: str) -> None:
        cursor = pagination.index_cursor("", name)
        assert cursor is not None
        assert pagination.read_index_page({"cursor": cursor})[2] == name

    def test_has_no_cursor_if_it_is_the_last(self) -> None:
        assert pagination.index_cursor("", None) is None

    @pytest.mark.parametrize("other", ["", "f", "films", "films-10", "songs"])
    def test_does_not_accept_a_cursor_of_another_prefix(self, other: str) -> None:
        cursor = pagination.index_cursor("films-1", "films-10")
        with pytest.raises(CursorInvalid):
            pagination.read_index_page({"prefix": other, "cursor": str(cursor)})

    @pytest.mark.parametrize("cursor", ["", "x", "????", "ü", "Lg", "Li4vLi4vc2VjcmV0", "_w", "a" * 10_000])
    def test_with_a_cursor_that_no_page_returned_is_refused(self, cursor: str) -> None:
        with pytest.raises(CursorInvalid):
            pagination.read_index_page({"cursor": cursor})

    def test_does_not_accept_a_cursor_of_another_listing(self) -> None:
        cursor = versions.version_page("films", VersionPage((), "v1"), None, {}).next
        with pytest.raises(CursorInvalid):
            pagination.read_index_page({"cursor": str(cursor)})

    def test_does_not_accept_a_cursor_whose_name_cannot_be_an_index(self) -> None:
        cursor = pagination.encode_name_cursor(("indexes", ""), "../secret")
        with pytest.raises(CursorInvalid):
            pagination.read_index_page({"cursor": str(cursor)})
