"""Compile the native kernel: `python -m tools.build.native` for the work tree, as make does when a source is newer.

The build of the layer compiles it again for what ships. Standard library only: the first environment needs the kernel.
"""

import shutil
import sys
import time
from pathlib import Path
from typing import Final

from tools.command.errors import CommandFailed
from tools.command.paths import BUILD, ROOT
from tools.command.run import run_tool
from tools.env import compiler as machine
from tools.native import compiler

_LIBRARY: Final = Path(f"vectord/index/kernels/native{compiler.SUFFIX}")
_IN_TREE: Final = ROOT / "layers/vectord" / _LIBRARY
_SOURCES: Final = "c"  # the folder beside the library
SOURCE: Final = _IN_TREE.parent / _SOURCES / "native.c"
SHIPPED: Final = Path("Layer/python") / _LIBRARY  # in the build


def compile_into_tree(_: Path) -> None:
    """Compile the kernel into the work tree, for tests, tools and benchmarks."""
    started = time.perf_counter()
    _compile(_IN_TREE)
    print(f"  native kernel, compiled {time.perf_counter() - started:7.1f} s", flush=True)


def compile_into_layer(build: Path = BUILD) -> str:
    """Compile the kernel into a built layer, remove the sources that SAM copied there, and return the size as text.

    No function can compile the sources, so they do not ship.
    """
    target = build / SHIPPED
    _compile(target)
    shutil.rmtree(target.with_name(_SOURCES), ignore_errors=True)
    return f"{target.stat().st_size / 2**10:.0f} KiB"


def _compile(target: Path) -> None:
    machine.check()
    try:
        compiler.compile_extension(SOURCE, target)
    except compiler.CompilerFailed as failure:
        raise CommandFailed(str(failure)) from failure


if __name__ == "__main__":
    sys.exit(run_tool(compile_into_tree))
