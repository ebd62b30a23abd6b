"""The arguments of a listing, and its cursor, which comes back as it went out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectord.edge import listing
from vectord.errors import RequestInvalid


def test_without_arguments_a_listing_starts_at_the_beginning_with_a_page_of_a_hundred() -> None:
    assert listing.arguments({}) == ("", 100, None)


@pytest.mark.parametrize(("text", "limit"), [("1", 1), ("42", 42), ("1000", 1_000)])
def test_a_limit_is_a_whole_number(text: str, limit: int) -> None:
    assert listing.arguments({"limit": text})[1] == limit


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1001", "1e2", "1.0", " 1", "+1", "ten", "٣", "²", "0000010000", "9" * 5_000]
)
def test_another_limit_is_refused(text: str) -> None:
    with pytest.raises(RequestInvalid, match="limit"):
        listing.arguments({"limit": text})


def test_an_unknown_argument_is_refused_by_its_name() -> None:
    with pytest.raises(RequestInvalid, match="'offset'"):
        listing.arguments({"offset": "1"})


@given(st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}", fullmatch=True))
def test_a_cursor_comes_back_as_it_went_out(name: str) -> None:
    cursor = listing.cursor(name)
    assert cursor is not None
    assert cursor.isascii()
    assert not set(cursor) & set("+/=&?# ")
    assert listing.arguments({"cursor": cursor})[2] == name


def test_the_last_page_has_no_cursor() -> None:
    assert listing.cursor(None) is None


@pytest.mark.parametrize("cursor", ["", "x", "????", "ü", "Lg", "Li4vLi4vc2VjcmV0", "_w", "a" * 10_000])
def test_a_cursor_that_is_none_of_ours_is_refused(cursor: str) -> None:
    with pytest.raises(RequestInvalid, match="cursor"):
        listing.arguments({"cursor": cursor})
