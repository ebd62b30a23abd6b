"""`vectord patch` and `rm`: changes that destroy something."""

from typing import Any

import click

from vectord_client.cli.command import command
from vectord_client.cli.confirm import confirm
from vectord_client.cli.exits import Exit
from vectord_client.cli.output import say
from vectord_client.cli.parameters import ANY_JSON, TEXT, filter_option, index_argument, read_ids, yes_option
from vectord_client.cli.records import counted
from vectord_client.cli.session import Session, pass_session

_PATCH = """
vectord patch films '{"seen": true}' --id alien --id heat
vectord patch films '{"seen": null}' --filter '{"year": {"$lt": 1980}}' --yes
vectord patch films '{"title": "Alien"}' --id alien --replace --yes
"""
_RM = """
vectord rm films alien heat --yes
vectord rm films --filter '{"year": {"$lt": 1980}}' --dry-run
vectord rm films --filter '{"year": {"$lt": 1980}}' --yes
vectord get films - --json < ids.txt | vectord rm films - --yes
vectord rm films --all --yes
vectord rm films --yes
"""
_if_match = click.option("--if-match", type=TEXT, metavar="ETAG", help="Change nothing unless this is the index's ETag.")


@command(examples=_PATCH)
@index_argument()
@click.argument("metadata", type=ANY_JSON)
@click.option("--id", "ids", type=TEXT, multiple=True, metavar="ID", help="A row to change; repeat it, or - for standard input.")
@filter_option("Change all rows that satisfy this filter: JSON, @FILE or -.")
@click.option("--replace", is_flag=True, help="Replace the metadata as a whole. Default: merge (RFC 7396).")
@_if_match
@yes_option()
@pass_session
def patch_command(
    session: Session, index: str, metadata: Any, ids: tuple[str, ...], where: Any, replace: bool, if_match: str | None, yes: bool
) -> None:
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
        confirm(f"Change the metadata of {counted(count, 'row')} of {index}?", yes=yes)
    mode = "replace" if replace else "merge"
    done = found.patch(metadata, ids=chosen, filter=where, mode=mode, if_match=if_match)
    session.output.value({"patched": done.patched, "etag": done.etag}, f"Changed {counted(done.patched, 'row')} of {index}.")


@command(examples=_RM)
@index_argument()
@click.argument("ids", type=TEXT, nargs=-1)
@click.option("--id", "more", type=TEXT, multiple=True, metavar="ID", help="A row to delete, as an argument would be.")
@filter_option("Delete the rows that satisfy this filter: JSON, @FILE or -.")
@click.option("--all", "everything", is_flag=True, help="Delete all rows, and keep the index.")
@click.option("--dry-run", is_flag=True, help="Delete nothing; say how many rows would be deleted.")
@_if_match
@yes_option()
@pass_session
def rm_command(
    session: Session,
    index: str,
    ids: tuple[str, ...],
    more: tuple[str, ...],
    where: Any,
    everything: bool,
    dry_run: bool,
    if_match: str | None,
    yes: bool,
) -> int:
    """Delete rows of INDEX: by IDS, by --filter, or --all. With none of these, delete the INDEX itself.

    An id `-` stands for ids, or rows of JSON, on standard input. In a script write `--id "$ID"`: an empty variable is then
    an error, where without it the whole index would be deleted. Versions of a deleted index stay for a while: restore.
    """
    given = (*ids, *more)
    if sum([bool(given), where is not None, everything]) > 1:
        raise click.UsageError("IDS, --filter and --all exclude each other")
    if given:
        return _rows(session, index, {"ids": list(dict.fromkeys(read_ids(given)))}, dry_run, if_match, yes)
    if everything or where is not None:
        chosen = {"filter": {}, "all": True} if everything else {"filter": where, "all": where == {}}
        return _rows(session, index, chosen, dry_run, if_match, yes)
    return _index(session, index, dry_run, if_match, yes)


def _rows(session: Session, index: str, chosen: dict[str, Any], dry_run: bool, if_match: str | None, yes: bool) -> int:
    if chosen.get("ids") == []:
        session.output.value({"deleted": 0, "dry_run": dry_run}, "No ids were given: nothing was deleted.")
        return Exit.DONE
    found = session.client.index(index)
    if not yes and not dry_run:
        preview = found.delete(ids=chosen.get("ids"), filter=chosen.get("filter"), dry_run=True)
        confirm(f"Delete {counted(preview.deleted, 'row')} of {index}?", yes=yes)
    settings = {name: value for name, value in chosen.items() if not (dry_run and name == "all") and value is not False}
    done = found.delete(**settings, dry_run=dry_run, if_match=if_match)
    record = {"deleted": done.deleted, "dry_run": dry_run}
    session.output.value(record, f"{'Would delete' if dry_run else 'Deleted'} {counted(done.deleted, 'row')} of {index}.")
    if "ids" in chosen and done.deleted < len(chosen["ids"]):
        say(f"{len(chosen['ids']) - done.deleted:,} of the ids are not in {index}.")
    return Exit.DONE


def _index(session: Session, index: str, dry_run: bool, if_match: str | None, yes: bool) -> int:
    count = 0
    if dry_run or not yes:
        count = session.client.index(index).info().count
    if dry_run:
        session.output.value({"index": index, "deleted": count, "dry_run": True}, f"Would delete {index} with {counted(count, 'row')}.")
        return Exit.DONE
    confirm(f"Delete the index {index} with {counted(count, 'row')}?", yes=yes)
    session.client.delete_index(index, if_match=if_match)
    session.output.value({"index": index, "dry_run": False}, f"Deleted the index {index}. `vectord versions {index}` lists what is kept.")
    return Exit.DONE
