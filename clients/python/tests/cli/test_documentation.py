"""docs/command-line.md is true: its commands, exit codes and keys are those of the code."""

import re
from pathlib import Path

import pytest
from tests.cli.support import Vectord

from vectord_client.cli.failures import Exit
from vectord_client.cli.main import APP

PAGE = (Path(__file__).parents[4] / "docs/command-line.md").read_text()


def rows(section: str) -> list[list[str]]:
    """Return the cells of the last table of a section, without its heading."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    tables = "\n".join(lines).rpartition("|---|---|\n")[2]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in tables.splitlines()]


def keys(cell: str) -> list[str]:
    """Return the keys that a cell promises, without those that an object may lack."""
    return re.findall(r"`(\w+)`", cell.partition(";")[0])


KEYS = {name.strip(): keys(cell) for names, cell in rows("Output") for name in re.findall(r"`([^`]+)`", names)}


def test_lists_the_commands() -> None:
    assert [row[0].strip("`") for row in rows("Commands")] == list(APP.entries)


def test_lists_the_exit_codes() -> None:
    assert [int(row[0]) for row in rows("Exit codes")] == [int(code) for code in Exit]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["ls"], ["ls"]),
        (["info INDEX"], ["info", "films"]),
        (["info"], ["info"]),
        (["search"], ["search", "films", "--id", "heat", "--vectors"]),
        (["get", "rows"], ["get", "films", "heat", "--vectors"]),
        (["get", "rows"], ["rows", "films", "--vectors"]),
        (["count"], ["count", "films"]),
        (["facets"], ["facets", "films", "year"]),
        (["patch"], ["patch", "films", "{}", "--id", "heat"]),
        (["versions"], ["versions", "films"]),
        (["restore"], ["cp", "films", "copy"]),
        (["recall"], ["recall", "films"]),
        (["warm"], ["warm", "films"]),
        (["export"], ["export", "films", "films.jsonl"]),
        (["create"], ["create", "new", "--dimension", "2"]),
        (["add"], ["add", "films", "one.jsonl"]),
        (["doctor"], ["doctor"]),
        (["s3vectors install"], ["s3vectors", "install"]),
    ],
    ids=" ".join,
)
def test_promises_the_keys_of_each_command(films: Vectord, names: list[str], words: list[str]) -> None:
    (films.folder / "one.jsonl").write_text('{"id": "a", "vector": [1, 2, 3]}\n')
    line = films.lines(*words)[0]
    for name in names:
        assert list(line) == KEYS[name]


def test_promises_the_keys_of_deletions_and_statistics(films: Vectord) -> None:
    assert list(films.lines("rm", "films", "heat", "--yes")[0]) == KEYS["rm"]
    stats = films.lines("search", "films", "--id", "thief", "--stats")[-1]["stats"]
    assert ["stats", *stats] == KEYS["search --stats"]
    assert list(films.lines("rm", "films", "--yes")[0]) == KEYS["rm"][:2]


def test_prints_what_the_page_shows(vectord: Vectord) -> None:
    (lines, table, rows_of_file) = re.findall(r"```(?:sh|json|)\n(.*?)```", PAGE, re.DOTALL)[:3]
    (vectord.folder / "films.jsonl").write_text(rows_of_file)
    *before, search = lines.splitlines()
    done = vectord.shell("\n".join([*before, f"{search} --table"]))
    assert done.returncode == 0, done.stderr
    shown, promised = done.stdout.splitlines()[-5:], table.splitlines()
    # The model computes with integers, whose rounding is another on other processors.
    distances, expected = ([float(line.split()[2]) for line in table_lines[1:4]] for table_lines in (shown, promised))
    assert distances == pytest.approx(expected, abs=0.002)
    varies = re.compile(r"\b0\.\d{4}\b|[\d.]+ ms")
    assert [varies.sub("", line) for line in shown] == [varies.sub("", line) for line in promised]
