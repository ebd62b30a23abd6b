"""`vectord patch` and `rm`: changes that destroy something."""

from dataclasses import dataclass
from typing import Any

import click

from vectord_client.cli.command import command
from vectord_client.cli.commands.queued import async_option, print_change
from vectord_client.cli.confirm import confirm, if_match_option, yes_option
from vectord_client.cli.failures import Exit
from vectord_client.cli.output import say
from vectord_client.cli.parameters import ANY_JSON, TEXT, filter_option, index_argument, read_ids
from vectord_client.cli.records import counted
from vectord_client.cli.session import Session, pass_session

_PATCH = """
vectord patch films '{"seen": true}' --id alien --id heat
vectord patch films '{"seen": null}' --filter '{"year": {"$lt": 1980}}' --yes
vectord patch films '{"title": "Alien"}' --id alien --replace --yes
vectord patch films '{"seen": true}' --id alien --async
"""
_RM = """
vectord rm films alien heat --yes
vectord rm films --filter '{"year": {"$lt": 1980}}' --dry-run
vectord rm films --filter '{"year": {"$lt": 1980}}' --yes
vectord rows films --prefix heat --json | vectord rm films - --yes
vectord rm films heat --async --yes
vectord rm films --all --yes
vectord rm films --yes
"""


@command(examples=_PATCH)
@index_argument()
@click.argument("metadata", type=ANY_JSON)
@click.option(
    "--id", "ids", type=TEXT, multiple=True, metavar="ID", help="A row to change; repeat it, or - for standard input."
)
@filter_option("Change all rows that satisfy this filter: JSON, @FILE or -.")
@click.option("--replace", is_flag=True, help="Replace the metadata as a whole. Default: merge (RFC 7396).")
@if_match_option()
@yes_option()
@async_option()
@pass_session
def patch_command(
    session: Session, index: str, metadata: Any, *, ids: tuple[str, ...], where: Any, replace: bool, **how: Any
) -> int:
    """Change the METADATA (JSON) of rows of INDEX: all of them or none.

    A merge sets the keys that METADATA has and removes those that are null. It asks before it changes rows by --filter,
    replaces metadata, or removes all of it (null).
    """
    if (where is None) == (not ids):
        raise click.UsageError("Say which rows to change: --id ID (repeated), or --filter JSON")
    found = session.client.index(index)
    chosen = list(read_ids(ids)) if ids else None
    if replace or metadata is None or chosen is None:
        count = found.count(where) if chosen is None else len(chosen)
        confirm(f"Change the metadata of {counted(count, 'row')} of {index}?", yes=how["yes"])
    mode = "replace" if replace else "merge"
    if how["queue"]:
        change = found.queued.patch(metadata, ids=chosen, filter=where, mode=mode, if_match=how["if_match"])
        return print_change(session, change)
    done = found.patch(metadata, ids=chosen, filter=where, mode=mode, if_match=how["if_match"])
    session.output.value(
        {"patched": done.patched, "etag": done.etag}, f"Changed {counted(done.patched, 'row')} of {index}."
    )
    return Exit.DONE


@command(examples=_RM)
@index_argument()
@click.argument("ids", type=TEXT, nargs=-1)
@click.option("--id", "more", type=TEXT, multiple=True, metavar="ID", help="A row to delete, as an argument would be.")
@filter_option("Delete the rows that satisfy this filter: JSON, @FILE or -.")
@click.option("--all", "everything", is_flag=True, help="Delete all rows, and keep the index.")
@click.option("--dry-run", is_flag=True, help="Delete nothing; say how many rows would be deleted.")
@if_match_option()
@yes_option()
@async_option()
@pass_session
def rm_command(
    session: Session,
    index: str,
    *,
    ids: tuple[str, ...],
    more: tuple[str, ...],
    where: Any,
    everything: bool,
    **how: Any,
) -> int:
    """Delete rows of INDEX: by IDS, by --filter, or --all. With none of these, delete the INDEX itself.

    An id `-` stands for ids, or rows of JSON, on standard input. In a script write `--id "$ID"`: an empty variable is
    then an error, where without it the whole index would be deleted. `vectord restore` can undo that for a while. The
    exit code is 3 if an id is not in the index; the other rows are deleted. --async is for rows, not for the index.
    """
    given = (*ids, *more)
    if sum([bool(given), where is not None, everything]) > 1:
        raise click.UsageError("IDS, --filter and --all exclude each other")
    queue, ids = how.pop("queue"), tuple(dict.fromkeys(read_ids(given)))
    removal = _Removal(session, index, **how)
    if queue:
        if how["dry_run"] or not (ids or everything or where is not None):
            raise click.UsageError("--async queues the deletion of rows: by IDS, --filter or --all, without --dry-run")
        return removal.queued({"ids": ids} if ids else {"filter": where or {}, "all": not where})
    if given:
        return removal.of_ids(list(ids))
    if everything or where is not None:
        removal.of_filter({} if everything else where)
    else:
        removal.of_index()
    return Exit.DONE


@dataclass(frozen=True)
class _Removal:
    """A deletion, and how it is done."""

    session: Session
    index: str
    dry_run: bool
    if_match: str | None
    yes: bool

    def of_ids(self, ids: list[str]) -> Exit:
        """Delete rows by their ids, and return whether all of them existed."""
        deleted = self._rows({"ids": ids}) if ids else 0
        self._report(deleted)
        if deleted < len(ids):
            say(f"Not in {self.index}: {counted(len(ids) - deleted, 'id')} of {len(ids):,}")
            return Exit.NOT_FOUND
        return Exit.DONE

    def of_filter(self, where: dict[str, Any]) -> None:
        """Delete the rows that satisfy a filter; an empty one is satisfied by all."""
        self._report(self._rows({"filter": where, "all": not where}))

    def of_index(self) -> None:
        """Delete the index itself."""
        client, output = self.session.client, self.session.output
        if self.dry_run or not self.yes:
            rows = counted(client.index(self.index).count(), "row")
            if self.dry_run:
                output.value(self._record(), f"Would delete the index {self.index} with {rows}.")
                return
            confirm(f"Delete the index {self.index} with {rows}?", yes=False)
        client.delete_index(self.index, if_match=self.if_match)
        kept = f"`vectord versions {self.index}` lists the states that are kept."
        output.value(self._record(), f"Deleted the index {self.index}. {kept}")

    def queued(self, chosen: dict[str, Any]) -> int:
        """Queue a deletion of rows."""
        self._ask(chosen)
        found = self.session.client.index(self.index)
        return print_change(self.session, found.queued.delete(**chosen, if_match=self.if_match))

    def _rows(self, chosen: dict[str, Any]) -> int:
        would = self._ask(chosen)
        if self.dry_run:
            return would
        return self.session.client.index(self.index).delete(**chosen, if_match=self.if_match).deleted

    def _ask(self, chosen: dict[str, Any]) -> int:
        """Count the rows that a deletion would delete, if it is a dry run or a question needs the number, and ask."""
        if self.yes and not self.dry_run:
            return 0
        found = self.session.client.index(self.index)
        would = found.delete(**{**chosen, "all": False}, dry_run=True, if_match=self.if_match).deleted
        if not self.dry_run:
            confirm(f"Delete {counted(would, 'row')} of {self.index}?", yes=False)
        return would

    def _report(self, deleted: int) -> None:
        done = f"{'Would delete' if self.dry_run else 'Deleted'} {counted(deleted, 'row')} of {self.index}."
        self.session.output.value({**self._record(), "deleted": deleted}, done)

    def _record(self) -> dict[str, Any]:
        return {"index": self.index, "dry_run": self.dry_run}
