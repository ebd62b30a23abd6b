"""`vectord export`: an index into a file."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import click

from vectord_client.cli.command import command
from vectord_client.cli.confirm import confirm, yes_option
from vectord_client.cli.output import binary_output
from vectord_client.cli.parameters import TEXT, as_of_option, index_argument
from vectord_client.cli.session import Session, pass_session

_FORMATS: Final = ("jsonl.gz", "jsonl", "parquet", "lhv1")
_EXPORT = """
vectord export films backup.parquet
vectord export films backup.jsonl.gz --yes
vectord export films - | jq -r .id
vectord export films before.lhv1 --as-of "$VERSION"
"""


@command(examples=_EXPORT)
@index_argument()
@click.argument("file", type=TEXT)
@click.option("--format", "form", type=click.Choice(_FORMATS), help="Default: by the file's name; jsonl for -.")
@as_of_option()
@yes_option()
@pass_session
def export_command(session: Session, index: str, file: str, *, form: str | None, as_of: str | None, yes: bool) -> None:
    """Write all rows of INDEX to FILE, as Parquet, JSON lines or LHV1; - is standard output.

    The file appears when it is complete. It asks before it replaces one that exists.
    """
    found = session.client.index(index)
    if file == "-":
        form = form or "jsonl"
        if sys.stdout.isatty() and form != "jsonl":
            raise click.UsageError(f"{form} is not text: write it to a file, or into a pipe")
        with tempfile.TemporaryDirectory(prefix="vectord-export-") as folder:
            path = Path(folder) / f"export.{form}"
            found.export(path, format=form, as_of=as_of)
            with path.open("rb") as data:
                shutil.copyfileobj(data, binary_output())
        return
    form = form or next((one for one in _FORMATS if file.lower().endswith(f".{one}")), None)
    if form is None:
        raise click.UsageError(f"{file} does not end with a format: --format {' or '.join(_FORMATS)}")
    if Path(file).exists():
        confirm(f"Replace the file {file}?", yes=yes)
    size = found.export(Path(file), format=form, as_of=as_of)
    record = {"index": index, "file": file, "format": form, "bytes": size}
    session.output.value(record, f"Wrote {index} to {file}: {size:,} bytes.")
