"""`vectord search`, `recall` and `warm`: searches, and how good they are."""

from typing import Any

import click

from vectord_client.cli.command import command
from vectord_client.cli.parameters import (
    SPARSE,
    TEXT,
    VECTOR,
    as_of_option,
    filter_option,
    index_argument,
    read_words,
    words_options,
)
from vectord_client.cli.records import (
    VECTOR_COLUMN,
    counted,
    highlighted_words,
    hit_columns,
    of_hit,
)
from vectord_client.cli.session import Session, pass_session
from vectord_client.hits import Hits
from vectord_client.values import RecallReport

_SEARCH = """
vectord search films --text "a monster in a space ship"
vectord search films --id alien --k 3
vectord search films --words "space ship" --highlight
vectord search films --text "a monster in a space ship" --words "monster ship"
vectord search films --id alien --filter '{"year": {"$gte": 1980}}' --recall 0.99
vectord search points --vector '[0.1, 0.2, 0.3]' --k 5 --json
vectord get films alien --vectors --json | jq -c .vector | vectord search films --vector -
"""
_RECALL = """
vectord recall films
vectord recall films --sample 100 --k 10 --recall 0.99
"""
_WARM = """
vectord warm films
"""


@command(examples=_SEARCH)
@index_argument()
@click.option("--text", type=TEXT, help="Search for the embedding of this text, by the model that the index records.")
@click.option("--vector", type=VECTOR, metavar="JSON", help="Search for a vector: an array of numbers, @FILE or -.")
@click.option("--id", "of_id", type=TEXT, metavar="ID", help="Search for the neighbours of a stored row.")
@words_options("Search the text fields for these words; alone, or with one of the others.")
@click.option("--sparse", type=SPARSE, metavar="JSON", help="Search for a sparse vector; alone, or with others.")
@click.option("--k", "-k", type=click.IntRange(1, 10_000), default=10, show_default=True, help="Most matches.")
@filter_option("Match only rows that satisfy this filter: JSON, @FILE or -.")
@click.option("--recall", type=click.FloatRange(0.5, 1), help="Target recall; 1 is exact. Default: 0.95.", metavar="R")
@click.option("--ef-search", type=click.IntRange(1), metavar="N", help="Effort instead of a target recall.")
@click.option("--max-distance", type=click.FloatRange(0), metavar="D", help="No matches that are farther.")
@click.option("--min-relevance", type=click.FloatRange(0), metavar="R", help="No matches that are less relevant.")
@click.option("--explain", is_flag=True, help="Say why each match has its relevance or score; with --json.")
@click.option("--highlight", is_flag=True, help="Show where the --words are: bold in a table, as offsets in JSON.")
@click.option("--model", type=TEXT, metavar="NAME", help="The model of --text, where the index records none.")
@click.option("--vectors", is_flag=True, help="Print the vectors too.")
@click.option("--after", type=TEXT, metavar="CURSOR", help="The page that begins at a cursor, `next` of --stats.")
@click.option(
    "--stats", is_flag=True, help="Print one more line: what the search did, and the cursor of the next page."
)
@as_of_option()
@pass_session
def search_command(session: Session, index: str, **settings: Any) -> None:
    """Find the rows of INDEX nearest to a --text, --vector or --id, or those with --words or a --sparse vector."""
    named = [name for name in ("text", "vector", "of_id") if settings[name] is not None]
    words, sparse = settings["words"] is not None, settings["sparse"] is not None
    if len(named) > 1 or not (named or words or sparse):
        raise click.UsageError(
            "Say what to search for, in one way: --text TEXT, --vector JSON or --id ID; or --words WORDS, "
            "--sparse JSON or both, alone or with one of them"
        )
    settings["words"] = read_words(settings["words"], settings.pop("fields"), every=settings.pop("all_words"))
    if settings["highlight"] and settings["words"] is None:
        raise click.UsageError("--highlight requires --words")
    stats, model, vectors = (settings.pop(name) for name in ("stats", "model", "vectors"))
    client = session.client if model is None else session.open(embedder=model)
    settings["id"], settings["filter"] = settings.pop("of_id"), settings.pop("where")
    given = {name: value for name, value in settings.items() if value is not None}
    hits = client.index(index).search(**given, include=("metadata", "vector") if vectors else ("metadata",))
    columns = hit_columns(near=bool(named), words=words, sparse=sparse)
    columns = (*columns, VECTOR_COLUMN) if vectors else columns
    records = (of_hit(hit, rank) for rank, hit in enumerate(hits, 1))
    bold = (highlighted_words(hit) for hit in hits) if settings["highlight"] else ()
    session.output.records(columns, records, empty="No matches.", bold=bold)
    if stats:
        session.output.fields(_stats(hits))
    else:
        session.output.summary(_summary(hits))


def _summary(hits: Hits) -> str:
    return (
        f"{counted(hits.count, 'vector')}, {hits.strategy}, {hits.examined:,} scored, "
        f"{counted(hits.requests, 'request')}, {hits.milliseconds:.1f} ms"
    )


def _stats(hits: Hits) -> dict[str, Any]:
    names = (
        "count",
        "eligible",
        "strategy",
        "plan",
        "examined",
        "bytes_read",
        "requests",
        "milliseconds",
        "etag",
        "next",
    )
    return {"stats": {name: getattr(hits, name) for name in names}}


@command(examples=_RECALL)
@index_argument()
@click.option(
    "--sample", type=click.IntRange(1, 500), default=50, show_default=True, help="Stored vectors to search for."
)
@click.option("--k", "-k", type=click.IntRange(1, 10_000), default=10, show_default=True, help="Matches to compare.")
@click.option("--recall", type=click.FloatRange(0.5, 1), metavar="R", help="Target recall. Default: 0.95.")
@click.option("--ef-search", type=click.IntRange(1), metavar="N", help="Effort instead of a target recall.")
@filter_option("Match only rows that satisfy this filter: JSON, @FILE or -.")
@pass_session
def recall_command(session: Session, index: str, where: Any, **settings: Any) -> None:
    """Search INDEX for some of its own rows, compare with exact searches, and report recall and milliseconds."""
    given = {name: value for name, value in settings.items() if value is not None}
    session.output.fields(_report(session.client.index(index).recall(**given, filter=where)))


def _report(report: RecallReport) -> dict[str, Any]:
    return {
        "recall": report.recall,
        "k": report.k,
        "queries": report.queries,
        "count": report.count,
        "strategies": list(report.strategies),
        "milliseconds": {"p50": report.milliseconds.p50, "p99": report.milliseconds.p99},
        "exact_milliseconds": {"p50": report.exact_milliseconds.p50, "p99": report.exact_milliseconds.p99},
    }


@command(examples=_WARM)
@index_argument()
@pass_session
def warm_command(session: Session, index: str) -> None:
    """Fetch all of INDEX into the cache of the function instance that answers, so that its next searches are fast."""
    warmed = session.client.index(index).warm()
    record = {name: getattr(warmed, name) for name in ("bytes", "bytes_read", "requests", "milliseconds")}
    session.output.value(
        record, f"{warmed.bytes:,} bytes are cached; {warmed.bytes_read:,} were read, {warmed.milliseconds:.1f} ms"
    )
