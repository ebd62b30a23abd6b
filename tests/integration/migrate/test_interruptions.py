"""A migration that was interrupted is continued where it ended."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.migration import (
    COUNT,
    SEGMENTS,
    Move,
    command,
    fill,
    listed,
)
from tests.support.moto_vectors import MotoVectors
from tests.support.served import Served
from tools.command.errors import MigrationFailed

pytestmark = pytest.mark.slow  # a source on loopback with thousands of vectors


def test_a_run_that_failed_is_continued_where_it_ended(move: Move, source: MotoVectors, target: Served) -> None:
    source.page_bytes = 15_000
    fill(source)
    move.most_rows = 100
    move.fail_after(12)
    with pytest.raises(MigrationFailed, match="the line is dead"):
        move.run()
    copied = sum(one["rows"] for one in json.loads(move.state.read_text())["segments"])
    assert 500 <= copied <= 1_200
    move.recover()
    target.requests.clear()
    assert move.run().equal
    assert f"continuing after {copied:,} vectors" in "\n".join(move.report.said)
    assert len(listed(target)) == COUNT
    assert move.report.progress[-1].rows_now == COUNT - copied
    assert target.requests.count("POST /indexes/films_plots/vectors") == -(-(COUNT - copied) // 100)


def test_a_copy_that_was_deleted_meanwhile_is_begun_from_the_start(
    move: Move, source: MotoVectors, target: Served
) -> None:
    source.page_bytes = 15_000
    fill(source)
    move.most_rows = 100
    move.fail_after(12)
    with pytest.raises(MigrationFailed):
        move.run()
    move.destination.client.delete_index(vectorBucketName="films", indexName="plots")
    move.recover()
    assert move.run().equal
    assert "the copy that was begun does not exist any more: copying from the start" in move.report.said
    assert len(listed(target)) == COUNT


def test_a_refused_token_restarts_its_segment(move: Move, source: MotoVectors, target: Served) -> None:
    source.page_bytes = 15_000
    fill(source)
    move.most_rows = 100
    move.fail_after(12)
    with pytest.raises(MigrationFailed):
        move.run()
    source.expire_tokens()
    move.recover()
    assert move.run().equal
    assert move.report.progress[-1].restarted == SEGMENTS
    assert move.report.progress[-1].rows == COUNT
    assert len(listed(target)) == COUNT


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
def test_the_command_continues_after_a_signal(
    source: MotoVectors, target: Served, tmp_path: Path, signum: signal.Signals
) -> None:
    source.page_bytes = 15_000
    source.before_page = lambda _: time.sleep(0.1)
    fill(source)
    state = tmp_path / "state.json"
    running = command(source, target, tmp_path)
    wait_until(lambda: source.pages > 12)
    running.send_signal(signum)
    said, _ = running.communicate(timeout=30)
    if signum == signal.SIGINT:
        assert running.returncode == 130
    source.before_page = lambda _: None
    again = command(source, target, tmp_path, "--rows", str(COUNT))
    said, complaints = again.communicate(timeout=60)
    assert again.returncode == 0, complaints
    assert f"copied {COUNT:,} of {COUNT:,} vectors" in said
    assert "0 missing, 0 that the source does not have; 0 of 200 compared vectors differ" in said
    assert not state.exists()
