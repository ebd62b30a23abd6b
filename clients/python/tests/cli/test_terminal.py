"""The command line in a terminal: tables, colours, questions, interrupts."""

import time

import pexpect
import pytest
from tests.cli.support import Vectord
from tests.cli.terminal import ANSI, shown, terminal

from vectord_client import Client
from vectord_client.cli.text import width


def test_a_search_is_a_table_with_a_summary(films: Vectord) -> None:
    text = ANSI.sub("", shown(films, "search", "films", "--id", "heat", "--k", "2"))
    heading, first, second, summary = text.strip("\n").split("\n")
    assert heading.split() == ["id", "distance", "metadata"]
    assert first.split(maxsplit=3) == ["1", "thief", "0.2000", '{"year": 1981, "by": {"name": "Mann"}}']
    assert second.split(maxsplit=2)[1] == "七人の侍"
    assert summary.startswith("5 vectors, exact, 2 scored, 1 request, ")


@pytest.mark.parametrize("columns", [20, 40, 79, 200])
def test_every_line_fits_the_terminal(films: Vectord, columns: int) -> None:
    for words in (("rows", "films"), ("search", "films", "--id", "heat"), ("facets", "films", "genre", "year")):
        text = ANSI.sub("", shown(films, *words, columns=columns))
        table = [line for line in text.split("\n") if "vectors," not in line and "values in" not in line]
        assert max(map(width, table)) <= columns, text


def test_nothing_that_others_wrote_reaches_the_terminal_as_a_command(films: Vectord) -> None:
    for words in (("rows", "films"), ("rows", "films", "--json"), ("search", "films", "--id", "heat")):
        text = shown(films, *words, env={"NO_COLOR": "1"}, columns=400)
        assert not set(text) & set("\x1b\x9b\x07\u202e"), words
        assert "2J" in text


def test_an_error_shows_no_control_characters(films: Vectord) -> None:
    text = shown(films, "info", "films\x1b[2J", code=2)
    assert "\x1b" not in text
    assert "\\x1b" in text


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_switched_off(films: Vectord, plain: dict[str, str]) -> None:
    assert "\x1b[1m" in shown(films, "ls")
    assert "\x1b" not in shown(films, "ls", env=plain)


def test_json_and_table_are_chosen_by_hand(films: Vectord) -> None:
    assert shown(films, "count", "films", "--json") == '{"count": 5}\n'
    assert films("count", "films", "--table").stdout == "5\n"


def test_asks_before_it_deletes(films: Vectord) -> None:
    with terminal(films, "rm", "films") as child:
        child.expect_exact("Delete the index films with 5 rows? [y/N]: ")
        child.sendline("n")
        child.expect_exact("Nothing was changed.")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 1
    assert films.lines("count", "films") == [{"count": 5}]
    with terminal(films, "rm", "films", "heat", "nope") as child:
        child.expect_exact("Delete 1 row of films? [y/N]: ")
        child.sendline("y")
        child.expect_exact("Deleted 1 row of films.")
        child.expect(pexpect.EOF)
    assert films.lines("count", "films") == [{"count": 4}]


def test_ctrl_c_at_a_question_changes_nothing(films: Vectord) -> None:
    with terminal(films, "rm", "films") as child:
        child.expect_exact("[y/N]: ")
        child.sendintr()
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 130
    assert films.lines("count", "films") == [{"count": 5}]


def test_end_of_input_at_a_question_changes_nothing(films: Vectord) -> None:
    with terminal(films, "rm", "films") as child:
        child.expect_exact("[y/N]: ")
        child.sendeof()
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 1
    assert films.lines("count", "films") == [{"count": 5}]


def test_a_long_listing_stops_after_100_rows(films: Vectord) -> None:
    with Client(films.environment["VECTORD_URL"]) as client:
        client.index("films").add([(f"row-{number}", [1.0, 1.0, 1.0]) for number in range(300)])
    assert shown(films, "rows", "films").count("row-") == 100
    assert "The first 100 rows; --limit 0 lists all." in shown(films, "rows", "films")
    assert shown(films, "rows", "films", "--limit", "0").count("row-") == 300


def test_a_server_says_where_it_is_and_ends_at_ctrl_c(vectord: Vectord) -> None:
    started = time.monotonic()
    with terminal(vectord, "serve", "--store", "data", "--port", "0") as child:
        child.expect(r"http://127\.0\.0\.1:\d+")
        assert time.monotonic() - started < 10
        child.expect_exact("Ctrl-C ends it.")
        child.sendintr()
        child.expect(pexpect.EOF)
        child.close()
        assert "Traceback" not in str(child.before)
        assert child.exitstatus in (0, 130)
