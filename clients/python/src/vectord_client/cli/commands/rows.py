"""`vectord get`, `rows`, `count` and `facets`: what an index contains."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import click

from vectord_client.cli.command import command
from vectord_client.cli.failures import Exit
from vectord_client.cli.output import say
from vectord_client.cli.parameters import (
    SPARSE,
    TEXT,
    filter_option,
    index_argument,
    read_ids,
    read_words,
    words_options,
)
from vectord_client.cli.records import FACET_COLUMNS, ROW_COLUMNS, VECTOR_COLUMN, counted, of_facet, of_row, value_lines
from vectord_client.cli.session import Session, pass_session

_ON_TERMINAL = 100  # rows of a listing without --limit
_SHOWN = 10  # ids in a message
_GET_BATCH = 1_000  # ids in a request
_GET = """
vectord get films alien
vectord get films alien heat --vectors
printf 'alien\\nheat\\n' | vectord get films -
"""
_ROWS = """
vectord rows films --limit 5
vectord rows films --filter '{"year": {"$gte": 1980}}' --order-by year --desc
vectord rows films --vectors --json > films.jsonl
"""
_COUNT = """
vectord count films
vectord count films --filter '{"genre": "horror"}'
vectord count films --words "space ship"
"""
_FACETS = """
vectord facets films genre
vectord facets films genre year --filter '{"year": {"$gte": 1980}}' --limit 5
"""
_SPARSE_OPTION = click.option(
    "--sparse", type=SPARSE, metavar="JSON", help="Count only rows that share an index with a sparse vector."
)


@command(examples=_GET)
@index_argument()
@click.argument("ids", type=TEXT, nargs=-1, required=True)
@click.option("--vectors", is_flag=True, help="Print the vectors too.")
@pass_session
def get_command(session: Session, index: str, ids: tuple[str, ...], vectors: bool) -> int:
    """Print the rows of INDEX that have these IDS; an id `-` stands for ids, or rows of JSON, on standard input.

    The exit code is 3 if an id is not in the index; the others are printed.
    """
    found, missing = session.client.index(index), list[str]()
    columns = (*ROW_COLUMNS, VECTOR_COLUMN) if vectors else ROW_COLUMNS

    def records() -> Iterator[dict[str, Any]]:
        wanted = read_ids(ids)
        while batch := list(islice(wanted, _GET_BATCH)):
            rows = {
                row.id: row for row in found.get(batch, include=("metadata", "vector") if vectors else ("metadata",))
            }
            missing.extend(one for one in batch if one not in rows)
            yield from (of_row(rows[one], vectors=vectors) for one in dict.fromkeys(batch) if one in rows)

    session.output.records(columns, records(), empty="No rows.")
    if missing:
        more = f" and {len(missing) - _SHOWN:,} more" if len(missing) > _SHOWN else ""
        say(f"Not in {index}: {', '.join(missing[:_SHOWN])}{more}")
        return Exit.NOT_FOUND
    return Exit.DONE


@command(examples=_ROWS)
@index_argument()
@filter_option()
@click.option("--prefix", type=TEXT, help="Only ids that begin with this text.")
@click.option("--order-by", type=TEXT, metavar="PATH", help="In the order of the values at this path of the metadata.")
@click.option("--desc", is_flag=True, help="With --order-by: the largest values first.")
@click.option(
    "--limit",
    type=click.IntRange(0),
    help="Most rows; 0 is all. Default: 100 on a terminal, all in a pipe.",
    metavar="N",
)
@click.option("--vectors", is_flag=True, help="Print the vectors too.")
@pass_session
def rows_command(session: Session, index: str, where: Any, limit: int | None, vectors: bool, **settings: Any) -> None:
    """List the rows of INDEX: ids and metadata."""
    desc = settings.pop("desc")
    if desc and settings["order_by"] is None:
        raise click.UsageError("--desc needs --order-by")
    if limit is None:
        limit = 0 if session.output.as_json else _ON_TERMINAL
    columns = (*ROW_COLUMNS, VECTOR_COLUMN) if vectors else ROW_COLUMNS
    order = "desc" if desc else None
    rows = iter(session.client.index(index).rows(filter=where, vectors=vectors, order=order, **settings))
    shown = islice(rows, limit) if limit else rows
    count = session.output.records(columns, (of_row(row, vectors=vectors) for row in shown), empty="No rows.")
    if limit and count == limit and next(rows, None) is not None:
        session.output.summary(f"The first {counted(count, 'row')}; --limit 0 lists all.")


@command(examples=_COUNT)
@index_argument()
@filter_option("Count only rows that satisfy this filter: JSON, @FILE or -.")
@words_options("Count only rows that a search for these words finds.")
@_SPARSE_OPTION
@pass_session
def count_command(session: Session, index: str, where: Any, words: str | None, **settings: Any) -> None:
    """Count the rows of INDEX."""
    found = read_words(words, settings["fields"], every=settings["all_words"])
    count = session.client.index(index).count(where, words=found, sparse=settings["sparse"])
    session.output.value({"count": count}, f"{count:,}")


@command(examples=_FACETS)
@index_argument()
@click.argument("paths", type=TEXT, nargs=-1, required=True)
@filter_option("Count only rows that satisfy this filter: JSON, @FILE or -.")
@words_options("Count only rows that a search for these words finds.")
@_SPARSE_OPTION
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Values of each path.")
@pass_session
def facets_command(session: Session, index: str, paths: tuple[str, ...], words: str | None, **settings: Any) -> None:
    """Count the distinct values at PATHS of the metadata of INDEX, the most frequent first."""
    found = read_words(words, settings["fields"], every=settings["all_words"])
    chosen = {"filter": settings["where"], "limit": settings["limit"], "sparse": settings["sparse"]}
    facets = session.client.index(index).facets(list(paths), words=found, **chosen)
    if session.output.as_json:
        session.output.records((), (of_facet(facet) for facet in facets))
        return
    lines = (line for facet in facets for line in value_lines(facet))
    session.output.records(FACET_COLUMNS, lines, empty="No values.")
    for facet in facets:
        span = f", from {facet.min} to {facet.max}" if facet.min is not None else ""
        about = "at least " if facet.approximate else ""
        session.output.summary(
            f"{facet.path}: {about}{counted(facet.distinct, 'value')} in {counted(facet.rows, 'row')}{span}"
        )
