"""Help texts: what they have, that their examples work, and that they are cheap."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from tests.cli.support import SRC, Vectord

from vectord_client.cli.command import VectordCommand, VectordGroup
from vectord_client.cli.main import APP


def commands(group: VectordGroup = APP, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield all commands with the words that name them."""
    for name in group.entries:
        found = group.get_command(click.Context(group), name)
        assert found is not None
        yield (*path, name), found
        if isinstance(found, VectordGroup):
            yield from commands(found, (*path, name))


COMMANDS = dict(commands())
EXAMPLES = [(path, line) for path, found in COMMANDS.items() for line in found.examples]  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_and_examples(path: tuple[str, ...]) -> None:
    found = COMMANDS[path]
    assert found.help
    assert isinstance(found, VectordCommand | VectordGroup)
    assert found.examples
    assert all("vectord " + " ".join(path) in line for line in found.examples if "vectord serve" not in path)
    for option in found.params:
        if isinstance(option, click.Option):
            assert option.help or isinstance(option.type, click.Choice), option.name


def test_the_list_of_commands_has_the_first_sentence_of_each_help() -> None:
    for name, entry in APP.entries.items():
        assert entry.summary.endswith("."), name
        assert COMMANDS[name,].name == name


@pytest.mark.parametrize(("path", "line"), EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_every_example_works(path: tuple[str, ...], line: str, world: Vectord) -> None:
    if "create" in path:
        for index in world.lines("ls"):
            world("rm", index["name"], "--yes")
    if path in {("serve",), ("ui",)}:
        _serves(world, line)
        return
    done = world.shell(line)
    expected = 3 if path == ("change",) else 0  # a server on a folder has no queue, and so no queued changes
    assert done.returncode == expected, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def _serves(world: Vectord, line: str) -> None:
    """Run an example that serves until Ctrl-C; a free port replaces the one of the example."""
    words = shlex.split(line.replace("$URL", world.env["URL"]))
    command = [*world.command, *words[1:], "--port", "0"]
    environment = {**world.env, "BROWSER": "true"}
    with subprocess.Popen(command, cwd=world.folder, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["url"].startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in (0, 130)


def test_help_imports_little() -> None:
    code = (
        "import sys; from vectord_client.cli.main import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(SRC)},
        capture_output=True,
        check=True,
        text=True,
    )
    loaded = set(done.stderr.split())
    assert "vectord_client.cli.main" in loaded
    assert not loaded & {
        "httpx2",
        "numpy",
        "tqdm",
        "botocore",
        "vectord",
        "mcp",
        "pandas",
        "vectord_client.cli.commands",
    }
