"""Make one virtual environment from pinned requirements: `python -m tools.venv NAME`. Standard library only."""

import shutil
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools import pins, processes
from tools.errors import CommandFailed, Missing
from tools.paths import ENVIRONMENTS, ROOT
from tools.run import run_tool
from tools.scratch import environment

COMPILES_ANNOY = ("dev", "bench")
MAY_LACK = "bench"  # what cannot be installed there is left out


def make_environment(name: str, folder: Path) -> None:
    """Make `.venv/NAME` anew; its stamp comes last, so that a broken one is never taken for a whole one."""
    if name in COMPILES_ANNOY:
        _need_compiler()
    target, requirements = ENVIRONMENTS / name, ROOT / "requirements" / f"{name}.txt"
    log, env, started = folder / "log", environment(folder), time.perf_counter()
    processes.run([sys.executable, "-m", "venv", "--clear", str(target)], log, env)
    python = str(target / "bin" / "python")
    install = [python, "-m", "pip", "install", "--disable-pip-version-check"]
    if name in COMPILES_ANNOY:
        for shipped in pins.SHIPPED:
            processes.run([*install, "--require-hashes", "-r", str(shipped)], log, env)
    try:
        processes.run([*install, "-r", str(requirements)], log, env)
    except CommandFailed:
        if name != MAY_LACK:
            raise
        _install_each(install, requirements, log, env)
    (target / ".stamp").touch()
    packages = len(list(target.glob("lib/python*/site-packages/*.dist-info")))
    print(f"  .venv/{name:<6} {packages:>3} packages {time.perf_counter() - started:6.1f} s", flush=True)


def _install_each(install: Sequence[str], requirements: Path, log: Path, env: Mapping[str, str]) -> None:
    """Install pinned requirements line by line, and say which cannot be."""
    for line in requirements.read_text(encoding="utf-8").splitlines():
        wanted = line.partition("#")[0].split()
        if not wanted:
            continue
        try:
            processes.run([*install, "--no-deps", *wanted], log, env)
        except CommandFailed:
            print(f"  {line.strip()} cannot be installed and is left out", flush=True)


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
