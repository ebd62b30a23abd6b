"""A folder that does not exist: only a command that creates an index creates it."""

import pytest
from tests.cli.support import Vectord

ROW = '{"id": "alien", "vector": [1, 2]}\n'


@pytest.mark.parametrize(
    "words",
    [
        ("ls",),
        ("info",),
        ("info", "films"),
        ("search", "films", "--id", "alien"),
        ("get", "films", "alien"),
        ("rows", "films"),
        ("count", "films"),
        ("facets", "films", "year"),
        ("patch", "films", "{}", "--id", "alien"),
        ("rm", "films", "alien", "--yes"),
        ("rm", "films", "--yes"),
        ("versions", "films"),
        ("restore", "films", "1", "--yes"),
        ("cp", "films", "series"),
        ("export", "films", "films.jsonl"),
        ("recall", "films"),
        ("warm", "films"),
        ("add", "films", "-"),
        ("mcp",),
        ("ui", "--no-open"),
    ],
    ids=" ".join,
)
def test_a_command_that_creates_no_index_says_that_the_folder_does_not_exist(
    vectord: Vectord, words: tuple[str, ...]
) -> None:
    done = vectord(*words, "--store", "mistyped", code=3, stdin=ROW)
    assert "The folder mistyped does not exist." in done.stderr
    assert not (vectord.folder / "mistyped").exists()


def test_the_folder_of_the_environment_is_not_created_either(vectord: Vectord) -> None:
    vectord("ls", code=3, env={"VECTORD_URL": "./mistyped"})
    complete = {"_VECTORD_COMPLETE": "bash_complete", "COMP_WORDS": "vectord info ", "COMP_CWORD": "2"}
    vectord(env={"VECTORD_URL": "./mistyped", **complete})
    assert list(vectord.folder.iterdir()) == []


def test_commands_that_create_an_index_create_the_folder(vectord: Vectord) -> None:
    vectord("create", "films", "--dimension", "2", "--store", "first")
    vectord("add", "films", "-", "--create", "--store", "second", stdin=ROW)
    assert vectord.lines("count", "films", "--store", "first") == [{"count": 0}]
    assert vectord.lines("count", "films", "--store", "second") == [{"count": 1}]
