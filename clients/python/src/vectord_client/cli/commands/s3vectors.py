"""`vectord s3vectors install`: let AWS SDKs sign S3 Vectors' requests for API Gateway."""

from collections.abc import Sequence
from pathlib import Path

import click

from vectord_client.cli.command import Entry, VectordGroup, command
from vectord_client.cli.confirm import confirm
from vectord_client.cli.failures import Exit
from vectord_client.cli.modelfiles import ModelFile, model_files, models_folder, remove, signing_name, write
from vectord_client.cli.output import say
from vectord_client.cli.records import counted
from vectord_client.cli.session import Session, pass_session
from vectord_client.cli.tables import Column

_COLUMNS = (Column("action"), Column("file"))
_EXAMPLES = """
vectord s3vectors install
vectord s3vectors install --check || vectord s3vectors install
vectord s3vectors install --uninstall --yes
"""

s3vectors_command = VectordGroup(
    "s3vectors",
    entries={"install": Entry(__name__, "Install, check or remove botocore's two files.")},
    help="Let boto3 and the AWS CLI call vectord as Amazon S3 Vectors: see docs/s3vectors.md.",
    examples=_EXAMPLES,
)


@command(examples=_EXAMPLES)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Default: ~/.aws/models, which every botocore reads.",
)
@click.option("--check", "mode", flag_value="check", help="Change nothing; exit with 1 unless both are installed.")
@click.option("--uninstall", "mode", flag_value="uninstall", help="Remove the two files.")
@click.option("--yes", is_flag=True, help="Replace or remove without a question.")
@pass_session
def install_command(session: Session, to: Path | None, mode: str | None, yes: bool) -> int:
    """Install the two files by which botocore signs S3 Vectors' requests for API Gateway.

    boto3, the AWS CLI and everything else that is built on botocore read the files; code changes only its endpoint.
    Repeating the command changes nothing.

    The files also compress PutVectors. A process that writes to Amazon S3 Vectors itself sets
    AWS_DISABLE_REQUEST_COMPRESSION=true, because AWS does not document that it accepts that.
    """
    folder = to or models_folder()
    files = model_files(folder)
    if mode == "check":
        return _check(session, files, to)
    if mode == "uninstall":
        return _uninstall(session, files, folder, yes)
    return _install(session, files, to, yes)


def _install(session: Session, files: list[ModelFile], to: Path | None, yes: bool) -> int:
    actions = {"missing": "written", "differs": "replaced", "installed": "unchanged"}
    done = [(actions[file.state], file) for file in files]
    if any(action == "replaced" for action, _ in done):
        confirm(f"Replace files of other content in {files[0].path.parent}?", yes=yes)
    write([file for action, file in done if action != "unchanged"])
    _print(session, done)
    session.output.summary(
        "\nSet AWS_ENDPOINT_URL_S3VECTORS=https://API.execute-api.REGION.amazonaws.com, and the SDKs call vectord."
    )
    if to is not None:
        session.output.summary(f"botocore reads {to} only where AWS_DATA_PATH={to.absolute()} is set.")
    return Exit.DONE


def _uninstall(session: Session, files: list[ModelFile], folder: Path, yes: bool) -> int:
    present = [file for file in files if file.state != "missing"]
    if present:
        confirm(f"Remove {counted(len(present), 'file')} from {files[0].path.parent}?", yes=yes)
    done = [("removed" if file in present else "absent", file) for file in files]
    remove(present, folder)
    _print(session, done)
    return Exit.DONE


def _check(session: Session, files: list[ModelFile], to: Path | None) -> int:
    states = [(file.state, file) for file in files]
    _print(session, states)
    if any(state != "installed" for state, _ in states):
        say("Not installed: `vectord s3vectors install` copies both files.")
        return Exit.FAILED
    if to is None and signing_name() not in (None, "execute-api"):
        say("Both files are installed, but botocore does not sign for execute-api: check AWS_DATA_PATH and HOME.")
        return Exit.FAILED
    return Exit.DONE


def _print(session: Session, done: Sequence[tuple[str, ModelFile]]) -> None:
    session.output.records(_COLUMNS, ({"action": action, "file": str(file.path)} for action, file in done))
