"""The inputs of `vectord add`: files or standard input, and what their names and first rows say."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

import click

from vectord_client.load.sources import open as sources
from vectord_client.load.sources.files import NamedPath
from vectord_client.rows.fields import Names
from vectord_client.rows.pack import Shape

FORMATS: Final = tuple(ending.removeprefix(".") for ending in sources.FORMATS)
STANDARD_INPUT: Final = "standard input"

# The name of a file or of an object of S3, or a copy of standard input. As text it is what messages call it.
Place: TypeAlias = str | NamedPath


def index_of(name: str) -> str:
    """Return the name of the index that a file's name stands for: films for data/films.jsonl.gz.

    Raises:
        click.UsageError: the name is that of standard input, or does not end with a format.
    """
    base = name.rpartition("/")[2]
    ending = next((one for one in sorted(FORMATS, key=len, reverse=True) if base.lower().endswith(f".{one}")), None)
    found = base[: -len(ending) - 1] if ending is not None else ""
    if not found:
        raise click.UsageError(f"{name} is not a file of vectors whose name could be that of the index: --index NAME")
    return found


@contextmanager
def readable(name: str, form: str) -> Iterator[Place]:
    """Yield what to read: the file itself, or for `-` a temporary copy of standard input."""
    if name != "-":
        yield name
        return
    with tempfile.TemporaryDirectory(prefix="vectord-add-") as folder:
        path = Path(folder) / f"stdin.{form}"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield NamedPath(path, STANDARD_INPUT)


def dimension_of(place: Place, names: Names) -> int:
    """Return the number of components of the first valid vector of a file.

    Raises:
        click.UsageError: no row is valid.
    """
    reason = "it has no rows"
    source = sources.open_source(place)
    try:
        for block in source.blocks(names, Shape()):
            if len(block):
                return block.dimension
            reason = next((row.reason for row in block.bad), reason)
    finally:
        source.close()
    raise click.UsageError(f"{place} has no valid row to take the dimension from, so --dimension N is needed: {reason}")


def ending_of(place: Place) -> str:
    """Return the name of a file in lower case, whose end says the format."""
    return os.fspath(place).lower()
