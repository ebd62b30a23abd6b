"""What `vectord add` reads: files or standard input, and what their names and first rows say."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from vectord_client.load.sources.open import open_source
from vectord_client.rows.fields import Names
from vectord_client.rows.pack import Shape

FORMATS: Final = ("jsonl", "jsonl.gz", "parquet", "npz", "npy", "csv")


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
def readable(name: str, form: str) -> Iterator[str]:
    """Yield the name of a file to read: the file itself, or for `-` a temporary copy of standard input."""
    if name != "-":
        yield name
        return
    with tempfile.TemporaryDirectory(prefix="vectord-add-") as folder:
        path = Path(folder) / f"stdin.{form}"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield str(path)


def dimension_of(name: str, names: Names) -> int:
    """Return the number of components of the first valid vector of a file.

    Raises:
        click.UsageError: no row is valid.
    """
    source = open_source(name)
    try:
        for block in source.blocks(names, Shape()):
            if len(block):
                return block.dimension
    finally:
        source.close()
    raise click.UsageError(f"{name} has no valid row to take the dimension from: --dimension N")
