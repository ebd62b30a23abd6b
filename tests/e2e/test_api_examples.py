"""The examples of docs/api.md, run in their order by a shell against the stack, and the links that they return."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.inbox import Inbox
from tests.support.examples import Example, Values, sections
from tests.support.pages import text_of
from tools.stack.client import Client
from tools.stack.stack import Stack

PAGE = text_of("docs/api.md")


@pytest.fixture
def no_example_indexes(api: Client) -> Iterator[Client]:
    """Delete the indexes of the examples before and after; the README uses the same name."""
    _delete_films(api)
    yield api
    _delete_films(api)


def _delete_films(api: Client) -> None:
    for found in api.call("GET", "/indexes?prefix=films").body["indexes"]:
        api.call("DELETE", f"/indexes/{found['name']}", expect=204)


def _run_in_a_shell(example: Example, values: Values, folder: Path) -> tuple[int, str]:
    """Return the status and the body of the answer to a command."""
    command = example.command.replace("curl ", "curl -sS -o body -w '%{http_code}' ", 1)
    env = {**values.known, "PATH": "/usr/bin:/bin"}
    (folder / "body").write_text("")
    ran = subprocess.run(["bash", "-euc", command], cwd=folder, env=env, capture_output=True, text=True, check=True)
    return int(ran.stdout), (folder / "body").read_text()


def test_every_example_returns_what_the_page_shows(
    no_example_indexes: Client, stack: Stack, inbox: Inbox, tmp_path: Path
) -> None:
    values = Values({"URL": stack.url})
    for example in (example for section in sections(PAGE) for example in section.examples):
        status, text = _run_in_a_shell(example, values, tmp_path)
        assert status == example.status, text
        difference = values.difference(
            json.loads(example.shown) if example.shown else None, json.loads(text) if text else None
        )
        assert difference is None, f"{example.command}{difference}\n{text}"
    _check_the_export(values.known["EXPORT"])
    _check_the_upload(values.known["UPLOAD"], no_example_indexes, inbox, tmp_path)


def _check_the_export(link: str) -> None:
    command = ["bash", "-euc", 'curl -sS --fail "$EXPORT"']
    env = {"EXPORT": link, "PATH": "/usr/bin:/bin"}
    ran = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert sorted(json.loads(line)["id"] for line in ran.stdout.splitlines()) == [
        "alien",
        "heat",
        "sleep/walk",
        "thief",
    ]


def _check_the_upload(link: str, api: Client, inbox: Inbox, folder: Path) -> None:
    """Send a file with `curl -T`, as the page says."""
    before = api.call("GET", "/indexes/films").body["count"]
    (folder / "films.jsonl").write_text('{"id": "solaris", "vector": [0.5, 0, 0.5]}\n')
    command = ["bash", "-euc", "curl -sS --fail -T films.jsonl -H 'if-none-match: *' \"$UPLOAD\""]
    subprocess.run(command, cwd=folder, env={"UPLOAD": link, "PATH": "/usr/bin:/bin"}, check=True)
    assert inbox.outcomes("films", 1) == ["committed"]
    assert api.call("GET", "/indexes/films").body["count"] == before + 1
