"""Questions before something is destroyed."""

import sys

import click

from vectord_client.cli.output import say
from vectord_client.cli.text import printable


def confirm(question: str, *, yes: bool) -> None:
    """Ask on the terminal whether to go on; `yes` is the answer of the option --yes.

    Raises:
        click.UsageError: there is no terminal to ask on, and no --yes.
        click.Abort: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} There is no terminal to ask on: repeat the command with --yes.")
    sys.stderr.write(f"{printable(question, sys.stderr.encoding or 'utf-8')} [y/N]: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        say("Nothing was changed.")
        raise click.Abort
