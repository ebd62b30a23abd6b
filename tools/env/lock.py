"""Renew both uv.lock, and the requirements exported from the root's: `python -m tools.env.lock [PACKAGE ...]`.

Names of packages are upgraded to the newest version that pyproject.toml allows; `all` upgrades every package. Standard
library only.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.command import processes
from tools.command.errors import CheckFailed
from tools.command.paths import ROOT
from tools.command.run import run_tool
from tools.env.pins import SHIPPED
from tools.env.venv import UV, UV_PIN, uv_environment

EXPORTS: Final[Mapping[Path, tuple[str, ...]]] = {
    SHIPPED[0]: ("--no-emit-project",),
    SHIPPED[1]: ("--only-group", "files"),
    UV_PIN: ("--only-group", "uv"),
}
PROJECTS: Final = (ROOT, ROOT / "clients/python")  # the second is the Python client
_HEADER: Final = "# Exported from uv.lock by `make lock`; do not edit.\n\n"
_MARKER: Final = re.compile(r" ; ([^\\\n]+?)(?= \\$|$)", re.MULTILINE)


def renew(folder: Path) -> None:
    """Write each uv.lock from its pyproject.toml, then every exported file."""
    upgrade = [word for name in sys.argv[1:] for word in (["--upgrade"] if name == "all" else ["-P", name])]
    for project in PROJECTS:
        lock = [str(UV), "lock", "--project", str(project), "--python", sys.executable, *upgrade]
        processes.run(lock, folder / "log", uv_environment(folder))
    for path in EXPORTS:
        path.write_text(exported(path, folder), encoding="utf-8")
        print(f"  wrote {path.relative_to(ROOT)}")


def check(folder: Path) -> None:
    """Check, without the network, that each uv.lock is what its pyproject.toml asks for.

    Raises:
        CommandFailed: one is not.
    """
    for project in PROJECTS:
        command = [str(UV), "lock", "--project", str(project), "--check", "--offline", "--python", sys.executable]
        processes.run(command, folder / "log", uv_environment(folder))


def exported(path: Path, folder: Path) -> str:
    """Return what uv.lock says that a requirements file must hold."""
    output = folder / "exported.txt"
    command = [str(UV), "export", "--frozen", "--no-header", *EXPORTS[path], "--output-file", str(output)]
    processes.run(command, folder / "log", uv_environment(folder))
    return _HEADER + _without_markers(output.read_text(encoding="utf-8"))


def _without_markers(text: str) -> str:
    """Remove the marker that uv writes beside each requirement: the platforms that uv.lock is made for.

    Raises:
        CheckFailed: a requirement is for some of the platforms only.
    """
    if len(set(_MARKER.findall(text))) > 1:
        raise CheckFailed("a layer's requirement depends on the platform; the export cannot express that")
    return _MARKER.sub("", text)


if __name__ == "__main__":
    sys.exit(run_tool(renew))
