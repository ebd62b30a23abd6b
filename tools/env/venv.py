"""Make one virtual environment: `python -m tools.env.venv NAME`. Standard library only.

`uv` is installed with pip, from the hashes in tools/env/uv.txt. It then makes the other environments from uv.lock.
"""

import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.command import processes
from tools.command.errors import CommandFailed, Missing
from tools.command.paths import CACHE, ENVIRONMENTS, ROOT
from tools.command.run import environment, run_tool
from tools.env import compiler

UV: Final = ENVIRONMENTS / "uv" / "bin" / "uv"
UV_PIN: Final = ROOT / "tools" / "env" / "uv.txt"
_SELECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "dev": ("--group", "dev"),  # with the project's own dependencies
    "sam": ("--only-group", "sam"),
    "stack": ("--only-group", "stack", "--compile-bytecode"),
    "runtime": ("--only-group", "runtime", "--compile-bytecode"),
    "bench": ("--group", "bench", "--compile-bytecode"),
    "clients": ("--only-group", "clients"),
    # Our own client has a uv.lock of its own. Its tests import it from src/, so it is not installed.
    "client": ("--project", "clients/python", "--no-install-project", "--compile-bytecode"),
}  # bytecode where functions run: a first start is measured there
_COMPILES_ANNOY: Final = ("dev", "bench", "client")
_OPTIONAL: Final = "bench"  # packages that cannot be installed are left out


def make_environment(name: str, folder: Path) -> None:
    """Make or renew `.venv/NAME`. The stamp is written last, so an environment without one is made from scratch."""
    target = ENVIRONMENTS / name
    stamp, log, started = target / ".stamp", folder / "log", time.perf_counter()
    if name in _COMPILES_ANNOY:
        compiler.check()
    if not stamp.exists() and target.exists():
        shutil.rmtree(target)
    stamp.unlink(missing_ok=True)
    if name == "uv":
        _install_uv(target, log, environment(folder))
    else:
        _sync(name, log, uv_environment(folder, name))
    stamp.touch()
    packages = len(list(target.glob("lib/python*/site-packages/*.dist-info")))
    print(f"  .venv/{name:<7} {packages:>3} packages {time.perf_counter() - started:6.1f} s", flush=True)


def uv_environment(folder: Path, name: str = "dev") -> dict[str, str]:
    """Build the environment variables of uv: its cache in the work tree, the machine's Python and certificates."""
    return environment(folder) | {
        "UV_CACHE_DIR": str(CACHE / "uv"),
        "UV_PROJECT_ENVIRONMENT": str(ENVIRONMENTS / name),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_SYSTEM_CERTS": "1",
    }


def _install_uv(target: Path, log: Path, env: Mapping[str, str]) -> None:
    processes.run([sys.executable, "-m", "venv", str(target)], log, env)
    install = [str(target / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"]
    processes.run([*install, "--require-hashes", "--requirement", str(UV_PIN)], log, env)


def _sync(name: str, log: Path, env: Mapping[str, str]) -> None:
    """Install what uv.lock pins for an environment, and remove everything else from it."""
    sync = [str(UV), "sync", "--frozen", "--python", sys.executable]
    if name in _COMPILES_ANNOY:
        sync += _annoy_flags()
    try:
        processes.run([*sync, *_SELECTIONS[name]], log, env)
    except CommandFailed:
        if name != _OPTIONAL:
            raise
        processes.run(sync, log, env)
        _install_each(name, log, env)


def _annoy_flags() -> list[str]:
    """Return options that make uv build annoy again if the compiler's flags differ from those of a cached build.

    annoy's setup.py reads the flags from the environment, which is not a part of uv's cache key; a setting of the build
    backend is, even one that the backend ignores.
    """
    if "ANNOY_COMPILER_ARGS" not in os.environ:
        raise Missing("ANNOY_COMPILER_ARGS is not set; call this through make, which sets it and says why")
    return ["--config-settings-package", f"annoy:compiler-args={os.environ['ANNOY_COMPILER_ARGS']}"]


def _install_each(name: str, log: Path, env: Mapping[str, str]) -> None:
    """Install the packages of a group one by one, and name those that cannot be installed."""
    exported = log.with_name("exported.txt")
    export = [str(UV), "export", "--frozen", "--only-group", name, "--no-hashes", "--no-header", "--no-annotate"]
    processes.run([*export, "--output-file", str(exported)], log, env)
    python = str(ENVIRONMENTS / name / "bin" / "python")
    for line in exported.read_text(encoding="utf-8").splitlines():
        pin = line.partition(" ;")[0]
        try:
            processes.run([str(UV), "pip", "install", "--no-deps", "--python", python, pin], log, env)
        except CommandFailed:
            print(f"  {pin} cannot be installed and is left out", flush=True)


if __name__ == "__main__":
    sys.exit(run_tool(lambda folder: make_environment(sys.argv[1], folder)))
