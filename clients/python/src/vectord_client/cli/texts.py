"""Load rows whose vectors are made from texts by the model that the index records."""

import csv
import gzip
import json
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, cast

import click

from vectord_client.errors import BadItem
from vectord_client.index import Index
from vectord_client.load.progress import meter
from vectord_client.load.report import LoadReport, Tally
from vectord_client.rows.block import InvalidRows

_BATCH: Final = 256  # texts of one request
_FORMATS: Final = "texts are read from .jsonl, .jsonl.gz and .csv files, and from standard input as .jsonl"


@dataclass(frozen=True)
class TextRow:
    """A row whose vector is made from a text; `metadata` is all that the row has besides."""

    id: str
    text: str
    metadata: Any


def load_texts(index: Index, name: str, row_id: str, field: str, *, strict: bool) -> LoadReport:
    """Add the rows of a file in batches. A repeat replaces the rows, so an interrupted load is run again as a whole.

    Raises:
        InvalidRows: `strict`, and a row has no id or no text.
        click.UsageError: the file has another format.
    """
    tally, started = Tally(), time.monotonic()
    shown = meter(None, name, None)
    with closing(shown), closing(text_rows(name, row_id, field)) as rows:
        while batch := list(islice(rows, _BATCH)):
            bad = [row for row in batch if isinstance(row, BadItem)]
            if bad and strict:
                raise InvalidRows(bad)
            _add(index, [row for row in batch if isinstance(row, TextRow)], tally)
            tally.count(0, 0, bad)
            shown.set(tally.rows + tally.failed_count)
    return tally.report(time.monotonic() - started)


def _add(index: Index, rows: list[TextRow], tally: Tally) -> None:
    latest = list({row.id: row for row in rows}.values())
    if latest:
        metadata = [row.metadata for row in latest]
        added = index.add(ids=[row.id for row in latest], texts=[row.text for row in latest], metadata=metadata)
        tally.count(added.added, added.replaced)


def text_rows(name: str, row_id: str, field: str) -> Generator[TextRow | BadItem, None, None]:
    """Yield the rows of a file whose `field` is a text; rows without id or text with the reason."""
    lower = name.lower()
    if lower.endswith(".csv"):
        fields: Iterator[tuple[int, dict[str, Any] | str]] = _csv(name)
    elif lower.endswith((".jsonl", ".jsonl.gz")):
        fields = _json_lines(name)
    else:
        raise click.UsageError(f"{name}: {_FORMATS}")
    for position, values in fields:
        yield BadItem(position, None, values) if isinstance(values, str) else _row(position, values, row_id, field)


def _row(position: int, values: dict[str, Any], row_id: str, field: str) -> TextRow | BadItem:
    found, text = values.pop(row_id, None), values.pop(field, None)
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if not isinstance(found, str) or not found:
        return BadItem(position, None, f"there is no id in the field {row_id!r}")
    if not isinstance(text, str) or not text.strip():
        return BadItem(position, found, f"there is no text in the field {field!r}")
    return TextRow(found, text, values["metadata"] if list(values) == ["metadata"] else values or None)


def _csv(name: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    with Path(name).open(encoding="utf-8-sig", newline="") as file:
        for position, row in enumerate(csv.DictReader(file)):
            yield position, {key: value for key, value in row.items() if key is not None}


def _json_lines(name: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield the position of each line with its object, or with the reason why it has none."""
    with Path(name).open("rb") as file:
        lines = cast(
            "Iterable[bytes]", gzip.GzipFile(fileobj=cast("IO[bytes]", file)) if name.lower().endswith(".gz") else file
        )
        for position, line in enumerate(lines):
            if line.strip():
                yield position, _object(line)


def _object(line: bytes) -> dict[str, Any] | str:
    try:
        values = json.loads(line)
    except ValueError as error:
        return f"the line is not JSON: {error}"
    return values if isinstance(values, dict) else "the line is not a JSON object"
