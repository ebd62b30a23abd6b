"""Widths of text on a terminal, and characters that must not reach it."""

import pytest

from vectord_client.cli.text import elide, pad, printable, width


@pytest.mark.parametrize(
    ("text", "cells"),
    [("alien", 5), ("", 0), ("七人の侍", 8), ("e\u0301", 1), ("ｱ", 1), ("👾", 2), ("❤\ufe0f", 1), ("\u200d", 0)],
)
def test_a_wide_character_covers_two_cells_and_an_accent_none(text: str, cells: int) -> None:
    assert width(text) == cells


def test_a_text_is_cut_before_the_wide_character_that_does_not_fit() -> None:
    assert elide("七人の侍", 6) == "七人…"
    assert width(elide("七人の侍", 6)) <= 6


def test_a_text_that_fits_is_not_cut() -> None:
    assert elide("七人の侍", 8) == "七人の侍"
    assert elide("alien", 3, "...") == "..."
    assert elide("alien", 0) == ""


def test_numbers_stand_at_the_right_also_beside_wide_text() -> None:
    assert pad("侍", 4) == "侍  "
    assert pad("12", 4, right=True) == "  12"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202egnp.exe", "abc\\u202egnp.exe"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
        ("\x7f\x00", "\\x7f\\x00"),
        ("ζωή 侍 👩\u200d🚀", "ζωή 侍 👩\u200d🚀"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_what_an_encoding_cannot_show_is_escaped() -> None:
    assert printable("naïve 侍", "ascii") == "na\\xefve \\u4f8d"
    assert printable("naïve 侍", "latin-1") == "naïve \\u4f8d"
