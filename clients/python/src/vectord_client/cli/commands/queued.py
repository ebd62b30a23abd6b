"""`vectord change`, and the option --async: changes that the service queues and applies later."""

from collections.abc import Callable, Iterator
from typing import Any

import click
import msgspec

from vectord_client.changes import Change
from vectord_client.cli.command import command
from vectord_client.cli.failures import Exit, report
from vectord_client.cli.inputs import Place
from vectord_client.cli.parameters import TEXT, index_argument
from vectord_client.cli.session import Session, pass_session
from vectord_client.errors import VectordError
from vectord_client.index import Index
from vectord_client.load.errors import BadRows
from vectord_client.load.sources.open import open_source
from vectord_client.rows import batches
from vectord_client.rows.fields import Names
from vectord_client.rows.pack import Shape
from vectord_client.wire.changes import add

_CHANGE = """
vectord change films 5d2c0f9e0b6a4c1f8e7d3a2b1c0d9e8f
vectord change films 5d2c0f9e0b6a4c1f8e7d3a2b1c0d9e8f --wait 60
vectord change films "$(vectord rm films alien --async --yes --json | jq -r .token)" --wait 60
"""


def async_option() -> Callable[[Any], Any]:
    """Return the option --async."""
    help_text = "Queue the change and print its token, for `vectord change`; do not wait until it is applied."
    return click.option("--async", "queue", is_flag=True, help=help_text)


@command(examples=_CHANGE)
@index_argument()
@click.argument("token", type=TEXT)
@click.option(
    "--wait", type=click.FloatRange(0), metavar="SECONDS", help="Wait until it is applied, at most this long."
)
@pass_session
def change_command(session: Session, index: str, token: str, wait: float | None) -> int:
    """Say what became of a queued change of INDEX: queued, applied or failed.

    TOKEN is what a change with --async printed. A change that failed changed nothing; the exit code is that of its
    problem.
    """
    change = session.client.index(index).change(token)
    if wait is None:
        change.state()
        return print_change(session, change)
    try:
        change.wait(wait)
    except VectordError:
        if not change.known.is_final:
            raise
    return print_change(session, change)


def print_change(session: Session, change: Change) -> int:
    """Print the state of a change that was seen last; return the exit code of its problem, if it failed."""
    state = change.known
    result = {} if state.result is None else msgspec.to_builtins(state.result)
    record = {"index": change.index, "token": state.token, "state": state.state, **result}
    counts = ", ".join(f"{value:,} {name}" for name, value in result.items() if isinstance(value, int))
    called = f"change {state.token} of {change.index}" if state.token else f"change of {change.index}"
    session.output.value(record, f"The {called} is {state.state}{f': {counts}' if counts else ''}.")
    return report(state.problem) if state.problem is not None else Exit.DONE


def queue_file(index: Index, place: Place, names: Names) -> Iterator[Change]:
    """Queue the rows of a file, and yield the change of each request; a batch with a row that is not valid is not sent.

    Raises:
        BadRows: some rows are not valid; the changes before were queued.
    """
    source = open_source(place)
    try:
        for batch in batches.cut(source.blocks(names, Shape(index.info().dimension))):
            if batch.bad:
                raise BadRows("Some rows are not valid.", errors=batch.bad)
            if batch.rows is not None:
                yield index.queued.send(add(index.name, [batch.rows], None))
    finally:
        source.close()
