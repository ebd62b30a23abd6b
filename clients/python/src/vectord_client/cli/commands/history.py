"""`vectord versions`, `restore` and `cp`: earlier states of an index, and copies."""

from itertools import islice

import click

from vectord_client.cli.command import command
from vectord_client.cli.confirm import confirm, yes_option
from vectord_client.cli.parameters import TEXT, as_of_option, index_argument
from vectord_client.cli.records import VERSION_COLUMNS, counted, of_version, version_line
from vectord_client.cli.session import Session, pass_session

_VERSIONS = """
vectord versions films
vectord versions films --limit 1 --json | jq -r .version
"""
_RESTORE = """
vectord restore films "$VERSION" --yes
vectord restore films "$(vectord versions films --json | sed -n 2p | jq -r .version)" --yes
"""
_CP = """
vectord cp films films-2
vectord cp films films-before --as-of "$(vectord versions films --json | sed -n 2p | jq -r .version)"
"""


@command(examples=_VERSIONS)
@index_argument()
@click.option("--limit", type=click.IntRange(0), default=0, metavar="N", help="Most states. Default: all.")
@pass_session
def versions_command(session: Session, index: str, limit: int) -> None:
    """List the states of INDEX that are kept, newest first. A deletion is a state too."""
    versions = iter(session.client.index(index).versions())
    records = (of_version(version) for version in (islice(versions, limit) if limit else versions))
    if not session.output.as_json:
        records = (version_line(record) for record in records)
    session.output.records(VERSION_COLUMNS, records, empty="No states are kept.")


@command(examples=_RESTORE)
@index_argument()
@click.argument("state", type=TEXT)
@yes_option()
@pass_session
def restore_command(session: Session, index: str, state: str, yes: bool) -> None:
    """Make an earlier STATE of INDEX the present one: a version's id, an ETag in quotes or a time (RFC 3339).

    The state that it replaces stays among the versions, so a restore can be undone. It works after a deletion too.
    """
    confirm(f"Replace the present content of {index} by its state {state}?", yes=yes)
    restored = session.client.index(index).restore(state)
    record = {"name": index, "count": restored.count, "etag": restored.etag}
    session.output.value(record, f"Restored {index}: {counted(restored.count, 'row')}.")


@command(examples=_CP)
@index_argument()
@click.argument("to", type=TEXT)
@as_of_option()
@pass_session
def cp_command(session: Session, index: str, to: str, as_of: str | None) -> None:
    """Copy INDEX to the new name TO. An index that exists is never replaced."""
    copied = session.client.index(index).copy(to, as_of=as_of).info()
    record = {"name": to, "count": copied.count, "etag": copied.etag}
    session.output.value(record, f"Copied {index} to {to}: {counted(copied.count, 'row')}.")
