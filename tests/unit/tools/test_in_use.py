"""The benchmark of an index in use: its tables, its page, and the queue of the compact function."""

from pathlib import Path

import pytest

from bench.use import figures, page
from bench.use.figures import Adds, InUse, Load, Side
from bench.use.invocations import Invocations, serving
from bench.use.measuring import Cold, State, Warm
from vectord.storage.credentials import Credentials
from vectord.storage.lambda_invoke import Functions


def state(name: str, seconds: float, received: float) -> State:
    return State(name, 1_000, 3_000_000, [Cold([seconds] * 3, received, 20, 0.99)], [Warm(1.5, 2.0, 0.98)])


@pytest.fixture
def found() -> InUse:
    states = {"just built": state("just built", 0.4, 2e6), "in use": state("in use", 0.5, 3e6)}
    side = Side("vectord", True, Load(10.0, 3_072_000, 4.0, 1_536_000), ["0.95"], states, Adds(200, 0.2, 0.3, 0.4, 5e6))
    return InUse("2026-11-29", {"cores": "2"}, "made", 384, 1_000, 100, "3 adds of 100", [side])


def test_a_state_is_compared_with_the_index_that_was_just_built(found: InUse) -> None:
    (_, rows), _, _ = page.tables(found)
    assert rows[1] == (
        *("**vectord**", "0.95", "in use", "3", "0.50", "1.25", "3.00", "1.50", "20", "0.990", "1.50", "0.980"),
    )


def test_the_bytes_of_builds_count_as_sent_by_the_load(found: InUse) -> None:
    _, (heads, (row,)), _ = page.tables(found)
    assert row[heads.index("sent / raw")] == "3.0"


def test_the_page_keeps_the_text_around_its_figures(found: InUse, tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(f"before\n{page.START}obsolete\n{page.END}after\n")
    page.write(found, file)
    text = file.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "obsolete" not in text
    assert "| **vectord** | 0.95 | in use |" in text


def test_figures_survive_their_file(found: InUse, tmp_path: Path) -> None:
    figures.write(found, tmp_path / "use.json")
    assert figures.read(tmp_path / "use.json") == found


def test_requests_for_compactions_are_run_in_order_and_wait_while_it_is_paused() -> None:
    done: list[str] = []
    invocations = Invocations(done.append)
    with serving(invocations) as endpoint:
        functions = Functions(endpoint, "us-east-1", Credentials("test", "test", None))
        invocations.pause()
        functions.send("compact", b'{"index": "a"}', 5.0)
        functions.send("compact", b'{"index": "b"}', 5.0)
        assert done == []
        invocations.resume()
        invocations.settle()
    assert done == ["a", "b"]
