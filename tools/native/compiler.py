"""Compile a C file to one shared library for every CPython from 3.12 on; equal sources give equal bytes."""

import platform
import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

SUFFIX: Final = ".abi3.so"  # of the limited API: CPython looks for it beside the suffix of its own version
# Products are not contracted to fused multiply-adds, and sums are not reordered: numpy's results stay the reference.
# -g0: debug information has the path of the source.
FLAGS: Final = ("-O3", "-fPIC", "-shared", "-std=c11", "-ffp-contract=off", "-fno-math-errno", "-g0")
STRICT: Final = ("-Wall", "-Wextra", "-Werror")  # not on other people's machines: a newer gcc has more warnings
_MARCH: Final = Path(__file__).with_name("march.mk")


class NoCompiler(Exception):
    """A compiler or its headers are missing; the message names them."""


class CompilerFailed(Exception):
    """The source cannot be compiled; the message has what gcc printed."""


def missing() -> list[str]:
    """Return what this machine lacks: gcc, or the headers of the Python that runs this."""
    headers = Path(sysconfig.get_path("include"), "Python.h")
    return ["gcc"] * (shutil.which("gcc") is None) + [str(headers)] * (not headers.exists())


def machine_flags(machine: str) -> list[str]:
    """Return the flags for a processor, none for one that march.mk does not name."""
    return re.findall(rf"^MARCH_{re.escape(machine)}\s*:=\s*(\S+)$", _MARCH.read_text(encoding="utf-8"), re.MULTILINE)


def compile_extension(source: Path, target: Path, warnings: Sequence[str] = STRICT) -> None:
    """Compile `source` to `target`, which is replaced at once: other processes may import it, or do the same.

    Raises:
        NoCompiler: gcc or Python.h is missing.
        CompilerFailed: gcc refuses the source.
    """
    if lacking := missing():
        raise NoCompiler(", ".join(lacking))
    include = sysconfig.get_path("include")
    # The name without its folder, and a name for the folder of headers: __FILE__ is the same everywhere.
    command = ["gcc", *FLAGS, *warnings, *machine_flags(platform.machine()), f"-ffile-prefix-map={include}=python"]
    with tempfile.TemporaryDirectory(prefix=".native-", dir=target.parent) as folder:
        output = Path(folder).absolute() / target.name
        command += ["-isystem", include, source.name, "-o", str(output)]
        done = subprocess.run(command, cwd=source.parent, capture_output=True, check=False)
        if done.returncode != 0:
            raise CompilerFailed(f"{' '.join(command)}\nended with status {done.returncode}:\n{_text(done.stderr)}")
        output.replace(target)


def _text(printed: bytes) -> str:
    return printed.decode(errors="replace").rstrip()
