"""What this machine must have to compile annoy, which has no wheel, and the native kernel. Standard library only."""

import shutil

from tools.command.errors import Missing
from tools.native import compiler


def check() -> None:
    """Fail early if annoy or the native kernel could not be compiled.

    Raises:
        Missing: a compiler or Python.h is missing.
    """
    lacking = [*compiler.missing(), *["g++"] * (shutil.which("g++") is None)]
    if lacking:
        raise Missing(
            f"annoy and the native kernel are compiled on this machine, which lacks {', '.join(lacking)}.\n"
            "  Debian, Ubuntu: apt install g++ python3.12-dev    Fedora: dnf install gcc-c++ python3.12-devel"
        )
