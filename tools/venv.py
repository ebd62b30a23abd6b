"""Make one virtual environment from pinned requirements: `python -m tools.venv NAME`. Standard library only."""

import shutil
import sys
import sysconfig
import time
from pathlib import Path

from tools import processes
from tools.errors import Missing
from tools.paths import ENVIRONMENTS, ROOT
from tools.run import run_tool
from tools.scratch import environment

COMPILES_ANNOY = "dev"


def make_environment(name: str, folder: Path) -> None:
    """Make `.venv/NAME` anew; its stamp comes last, so that a broken one is never taken for a whole one."""
    if name == COMPILES_ANNOY:
        _need_compiler()
    target, requirements = ENVIRONMENTS / name, ROOT / "requirements" / f"{name}.txt"
    log, env, started = folder / "log", environment(folder), time.perf_counter()
    processes.run([sys.executable, "-m", "venv", "--clear", str(target)], log, env)
    python = str(target / "bin" / "python")
    processes.run([python, "-m", "pip", "install", "--disable-pip-version-check", "-r", str(requirements)], log, env)
    (target / ".stamp").touch()
    packages = len(list(target.glob("lib/python*/site-packages/*.dist-info")))
    print(f"  .venv/{name:<6} {packages:>3} packages {time.perf_counter() - started:6.1f} s", flush=True)


def _need_compiler() -> None:
    """Say before a minute of installing what annoy, which has no wheel, would miss after it."""
    tools = [tool for tool in ("gcc", "g++") if shutil.which(tool) is None]
    headers = Path(sysconfig.get_paths()["include"], "Python.h")
    missing = tools + ([str(headers)] if not headers.exists() else [])
    if missing:
        raise Missing(
            f"annoy is compiled on this machine, which lacks {', '.join(missing)}.\n"
            "  Debian, Ubuntu: apt install g++ python3.12-dev    Fedora: dnf install gcc-c++ python3.12-devel"
        )


if __name__ == "__main__":
    sys.exit(run_tool(lambda folder: make_environment(sys.argv[1], folder)))
