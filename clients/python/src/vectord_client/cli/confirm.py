"""Protection of what a command could destroy: a question, and the options --yes and --if-match."""

import sys
from collections.abc import Callable
from typing import Any

import click

from vectord_client.cli.output import say
from vectord_client.cli.parameters import TEXT
from vectord_client.cli.text import printable


def yes_option() -> Callable[[Any], Any]:
    """Return the option --yes."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")


def if_match_option() -> Callable[[Any], Any]:
    """Return the option --if-match."""
    help_text = "Change nothing unless this is the index's ETag."
    return click.option("--if-match", type=TEXT, callback=_quoted, metavar="ETAG", help=help_text)


def _quoted(_ctx: click.Context, _option: click.Parameter, etag: str | None) -> str | None:
    """Return an ETag with its quotes, which a shell may have removed."""
    return etag if etag is None or etag.startswith('"') else f'"{etag}"'


def confirm(question: str, *, yes: bool) -> None:
    """Ask on the terminal whether to go on; `yes` is the answer of the option --yes.

    Raises:
        click.UsageError: standard input is not a terminal, and --yes was not given.
        click.Abort: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Standard input is not a terminal: repeat the command with --yes.")
    sys.stderr.write(f"{printable(question, sys.stderr.encoding or 'utf-8')} [y/N]: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        say("Nothing was changed.")
        raise click.Abort
