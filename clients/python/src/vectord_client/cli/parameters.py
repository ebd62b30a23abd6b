"""Arguments and options that several commands have, and how their texts are read."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from vectord_client.cli.session import Session
from vectord_client.errors import VectordError

_SECONDS = 2.0  # that a shell waits for names of indexes


class Text(click.ParamType):  # type: ignore[type-arg] # generic from click 8.5 on
    """A text that can be sent: no half surrogate pairs, which bytes outside the locale's encoding become."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text.

        Raises:
            click.BadParameter: its bytes are not text in the encoding of the locale.
        """
        text = str(value)
        if any("\ud800" <= char <= "\udfff" for char in text):
            try:
                return os.fsencode(text).decode("utf-8")  # UTF-8 that a locale such as POSIX did not decode
            except UnicodeError:
                pass
            self.fail(
                f"{text!r} is not text in this locale's encoding ({sys.getfilesystemencoding()}); set LC_ALL=C.UTF-8",
                param,
                ctx,
            )
        return text


class Json(click.ParamType):  # type: ignore[type-arg]
    """A JSON value, as text or in a file: `@FILE`, or `-` for standard input."""

    name = "json"

    def __init__(self, *kinds: type, called: str) -> None:
        self._kinds, self._called = kinds, called

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value.

        Raises:
            click.BadParameter: the text is not JSON, or another kind of value, or the file cannot be read.
        """
        if not isinstance(value, str):
            return value
        text = TEXT.convert(self._read(value, param, ctx), param, ctx)
        try:
            read = json.loads(text)
        except ValueError as error:
            self.fail(f"{_short(text)!r} is not JSON: {error}", param, ctx)
        if self._kinds and not isinstance(read, self._kinds):
            self.fail(f"{_short(text)!r} is not {self._called}", param, ctx)
        return read

    def _read(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            if value == "-":
                return sys.stdin.buffer.read().decode("utf-8")
            if value.startswith("@"):
                return Path(value[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.fail(f"cannot read {value}: {error}", param, ctx)
        return value


TEXT = Text()
_FILTER = Json(dict, called='a JSON object, such as \'{"year": {"$gte": 1980}}\'')
VECTOR = Json(list, called="an array of numbers")
SPARSE = Json(dict, called='a JSON object, such as \'{"indices": [17], "values": [0.5]}\'')
ANY_JSON = Json(called="JSON")


def complete_index(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Return the names of indexes that begin with a text; none on an error, which a shell cannot show."""
    given = {**ctx.find_root().params, **{name: value for name, value in ctx.params.items() if value is not None}}
    target: dict[str, Any] = {name: given.get(name) for name in ("url", "store", "auth", "region")}
    try:
        with Session(**target, timeout=_SECONDS) as session:
            return [CompletionItem(index.name) for index in session.client.indexes(prefix=incomplete)]
    except (VectordError, click.ClickException, OSError):
        return []


def index_argument(name: str = "index", *, required: bool = True) -> Callable[[Any], Any]:
    """Return the argument that names an index."""
    return click.argument(name, type=TEXT, required=required, shell_complete=complete_index)


def filter_option(help_text: str = "Only rows that satisfy this filter: JSON, @FILE or -.") -> Callable[[Any], Any]:
    """Return the option --filter."""
    return click.option("--filter", "where", type=_FILTER, metavar="JSON", help=help_text)


def words_options(purpose: str) -> Callable[[Any], Any]:
    """Return the options --words, --field and --all-words."""

    def add(command: Any) -> Any:
        command = click.option("--all-words", is_flag=True, help="Only rows that have every one of the --words.")(
            command
        )
        field_help = "Look for the --words only in this text field; repeatable."
        command = click.option("--field", "fields", type=TEXT, multiple=True, metavar="PATH", help=field_help)(command)
        return click.option("--words", type=TEXT, help=purpose)(command)

    return add


def read_words(query: str | None, fields: Sequence[str], *, every: bool) -> dict[str, Any] | None:
    """Return the words of a request with their options; None if it has none.

    Raises:
        click.UsageError: there are options without words.
    """
    if query is None:
        if fields or every:
            raise click.UsageError("--field and --all-words require --words")
        return None
    return {"query": query, **({"fields": list(fields)} if fields else {}), **({"match": "all"} if every else {})}


def as_of_option() -> Callable[[Any], Any]:
    """Return the option --as-of."""
    return click.option(
        "--as-of",
        type=TEXT,
        metavar="STATE",
        help="An earlier state: a version's id, an ETag in quotes or a time (RFC 3339).",
    )


def read_ids(given: tuple[str, ...]) -> Iterator[str]:
    """Yield ids; an id `-` stands for the lines of standard input, which are ids or JSON rows that have one.

    Raises:
        click.UsageError: an id is empty, as one of an empty variable is, or a line of standard input is not an id.
    """
    for one in given:
        if not one:
            raise click.UsageError("An id is empty, and no row has such an id: is a variable empty?")
        if one != "-":
            yield one
            continue
        for number, raw in enumerate(sys.stdin.buffer, 1):
            if line := raw.rstrip(b"\r\n"):
                yield _id_of(line, number)


def _id_of(line: bytes, number: int) -> str:
    try:
        text = line.decode("utf-8")
        row = json.loads(text) if text.startswith("{") else text
    except ValueError as error:
        raise click.UsageError(
            f"Line {number} of standard input is neither an id in UTF-8 nor a JSON row: {error}"
        ) from error
    found = row.get("id") if isinstance(row, dict) else row
    if not isinstance(found, str):
        raise click.UsageError(f"Line {number} of standard input is a JSON row without an id")
    return found


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
