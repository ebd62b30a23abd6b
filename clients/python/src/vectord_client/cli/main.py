"""The entry point: the list of commands, and one exit code for each kind of end."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO, cast

import click
from click.shell_completion import shell_complete

from vectord_client import __version__
from vectord_client.cli.command import PARAMETERS, Entry, VectordGroup, common_options
from vectord_client.cli.failures import Exit, report
from vectord_client.errors import VectordError

_COMMANDS = "vectord_client.cli.commands"
ENTRIES = {
    "ls": Entry(f"{_COMMANDS}.indexes", "List the indexes."),
    "create": Entry(f"{_COMMANDS}.indexes", "Create an empty index."),
    "info": Entry(f"{_COMMANDS}.indexes", "Describe an index, or what the commands work on."),
    "add": Entry(f"{_COMMANDS}.loading", "Load rows from files or standard input."),
    "search": Entry(f"{_COMMANDS}.searching", "Find the nearest vectors to a text, a vector or a stored one."),
    "get": Entry(f"{_COMMANDS}.rows", "Print rows by their ids."),
    "rows": Entry(f"{_COMMANDS}.rows", "List rows."),
    "count": Entry(f"{_COMMANDS}.rows", "Count rows."),
    "facets": Entry(f"{_COMMANDS}.rows", "Count the distinct values of metadata."),
    "patch": Entry(f"{_COMMANDS}.changes", "Change metadata."),
    "rm": Entry(f"{_COMMANDS}.changes", "Delete rows, or an index."),
    "change": Entry(f"{_COMMANDS}.queued", "Say what became of a queued change."),
    "versions": Entry(f"{_COMMANDS}.history", "List the states of an index that are kept."),
    "restore": Entry(f"{_COMMANDS}.history", "Make an earlier state the present one."),
    "cp": Entry(f"{_COMMANDS}.history", "Copy an index to a new name."),
    "export": Entry(f"{_COMMANDS}.exporting", "Write all rows to a file."),
    "recall": Entry(f"{_COMMANDS}.searching", "Compare searches with exact ones."),
    "warm": Entry(f"{_COMMANDS}.searching", "Fetch an index into the service's cache."),
    "serve": Entry(f"{_COMMANDS}.servers", "Serve a folder over HTTP on this machine."),
    "mcp": Entry(f"{_COMMANDS}.servers", "Serve indexes to language models (MCP)."),
    "ui": Entry(f"{_COMMANDS}.servers", "Show indexes in a browser."),
    "doctor": Entry(f"{_COMMANDS}.doctor", "Check the set-up, and say how to fix what fails."),
    "s3vectors": Entry(f"{_COMMANDS}.s3vectors", "Let AWS SDKs sign S3 Vectors' requests for vectord."),
    "completion": Entry(f"{_COMMANDS}.completion", "Complete commands and index names in the shell."),
}

_EXAMPLES = """
vectord create films --dimension 384 --store ./data
vectord add films.jsonl --store ./data
vectord search films --id alien --k 3 --store ./data
"""

_HELP = """Vector search with no servers.

The commands work on the service of --url (or VECTORD_URL), or on the folder of --store, without a server. On a terminal
they print tables, in a pipe JSON lines. `vectord COMMAND --help` has examples.
"""


def _print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"vectord {__version__}")
        ctx.exit()


APP = VectordGroup(
    "vectord",
    entries=ENTRIES,
    help=_HELP,
    examples=_EXAMPLES,
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Show the version and exit.",
        ),
        *common_options(),
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def main(args: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _open_closed_streams()
    try:
        if instruction := os.environ.get("_VECTORD_COMPLETE"):
            return shell_complete(APP, {}, "vectord", "_VECTORD_COMPLETE", instruction)
        code = _run(list(sys.argv[1:] if args is None else args))
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except BrokenPipeError:
        _drop_output()  # the reader has all that it wants
        return Exit.PIPE_CLOSED
    except (click.ClickException, click.Abort, KeyboardInterrupt, OSError) as error:
        code = report(error)
        try:
            sys.stdout.flush()
        except OSError:
            _drop_output()
    return code


def _drop_output() -> None:
    """Write the rest of the output nowhere: Python flushes it at exit, and would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_closed_streams() -> None:
    """Replace standard streams that the caller closed, such as by `>&-`, which Python sets to None."""
    sys.stdin = sys.stdin or _null("r")
    sys.stdout = sys.stdout or _null("w")
    sys.stderr = sys.stderr or _null("w")


def _null(mode: str) -> TextIO:
    return cast("TextIO", Path(os.devnull).open(mode, encoding="utf-8"))


def _run(args: list[str]) -> int:
    with APP.make_context("vectord", args) as context:
        try:
            code = APP.invoke(context)
        except VectordError as error:
            code = report(error, context.meta.get(PARAMETERS))
    return int(code or Exit.DONE)
