"""The two files by which botocore signs S3 Vectors' requests for API Gateway."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

SERVICE = Path("s3vectors/2025-07-15")  # botocore finds a service's files by its name and its API version
State = Literal["missing", "installed", "differs"]


@dataclass(frozen=True)
class ModelFile:
    """One file: its content in this package, and its place in a folder of botocore."""

    path: Path
    content: bytes

    @property
    def state(self) -> State:
        """Compare the file on the disk with the content."""
        try:
            present = self.path.read_bytes()
        except FileNotFoundError:
            return "missing"
        return "installed" if present == self.content else "differs"


def models_folder() -> Path:
    """Return the folder of the user's own models, which every botocore reads."""
    return Path("~/.aws/models").expanduser()


def model_files(folder: Path) -> list[ModelFile]:
    """Return both files with their places below a folder."""
    packaged = files("vectord_client") / "botocore" / str(SERVICE)
    names = sorted(entry.name for entry in packaged.iterdir() if entry.name.endswith(".json"))
    return [ModelFile(folder / SERVICE / name, (packaged / name).read_bytes()) for name in names]


def write(chosen: Sequence[ModelFile]) -> None:
    """Write the files: first all of them under other names, so that a full disk leaves the present ones as they are."""
    staged: list[tuple[Path, Path]] = []
    try:
        for file in chosen:
            file.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=file.path.parent, prefix=f".{file.path.name}.")
            staged.append((Path(name), file.path))
            with os.fdopen(handle, "wb") as out:
                os.fchmod(handle, 0o644)
                out.write(file.content)
        while staged:
            temporary, path = staged[0]
            temporary.replace(path)
            staged.pop(0)
    finally:
        for temporary, _ in staged:
            temporary.unlink()


def remove(chosen: Sequence[ModelFile], folder: Path) -> None:
    """Remove the files, and the folders below `folder` that are then empty."""
    for file in chosen:
        file.path.unlink()
    for parent in (folder / SERVICE, (folder / SERVICE).parent):
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()


def signing_name() -> str | None:
    """Return the service for which this Python's botocore signs S3 Vectors' requests; None without botocore."""
    try:
        from botocore.session import Session  # noqa: PLC0415  an extra
    except ImportError:
        return None
    return str(Session().get_service_model("s3vectors").signing_name)
