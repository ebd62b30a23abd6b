"""`make build`: build with SAM, add kernel and bytecode, refuse what would not run on Lambda, and name the release."""

import os
import shutil
import sys
from pathlib import Path

from tools.build import gate, native, release
from tools.command import console, processes
from tools.command.errors import Missing
from tools.command.paths import BUILD, ROOT, SAM, TEMPLATE
from tools.command.run import environment, run_tool
from tools.env import pins


def build(folder: Path) -> None:
    """Build into .aws-sam/build, with SAM's cache for unchanged functions and layers."""
    if "ANNOY_COMPILER_ARGS" not in os.environ:
        raise Missing("ANNOY_COMPILER_ARGS is not set; call this through make, which sets it and says why")
    _forget_other_flags(os.environ["ANNOY_COMPILER_ARGS"])
    env = environment(folder)
    env["PATH"] = f"{SAM.parent}:{env['PATH']}"  # SAM looks for the runtime's interpreter, python3.12, on PATH
    # SAM builds the layers with pip. A cached wheel of annoy may have been compiled with other flags.
    pins.write_build_constraints(folder / "build-constraints.txt")
    env |= {"PIP_BUILD_CONSTRAINT": str(folder / "build-constraints.txt"), "PIP_NO_CACHE_DIR": "1"}
    with console.step("build", "the template with SAM, as for AWS"):
        command = [SAM, "build", "--template-file", TEMPLATE, "--build-dir", BUILD, "--cached", "--parallel"]
        command += ["--cache-dir", ROOT / ".aws-sam" / "cache"]
        processes.run([str(word) for word in command], folder / "build.log", env)
    with console.step("kernel", "native.c, compiled for the layer") as step:
        step.note = native.compile_into_layer()
    with console.step("bytecode", "compiled now, not at every cold start"):
        _compile_bytecode(folder, env)
    with console.step("gate", "glibc, libstdc++, processor, bytecode and size fit Lambda") as step:
        step.note = gate.check(BUILD)
    with console.step("release", "a hash of all files, written into the template") as step:
        step.note = release.write(BUILD)


def _forget_other_flags(flags: str) -> None:
    """Delete an earlier build, with its caches, that was compiled with other flags: SAM does not notice the change."""
    stamp = BUILD.parent / "compiler-flags"
    if not stamp.exists() or stamp.read_text() != flags:
        shutil.rmtree(BUILD.parent, ignore_errors=True)
        stamp.parent.mkdir()
        stamp.write_text(flags)


def _compile_bytecode(folder: Path, env: dict[str, str]) -> None:
    """Write .pyc files that are never compared with their source: /opt and /var/task are read-only on Lambda."""
    for built in sorted(path for path in BUILD.iterdir() if path.is_dir()):
        mounted = "/opt" if (built / "python").is_dir() else "/var/task"
        command = [str(SAM.with_name("python")), "-m", "compileall", "-q"]
        command += ["--invalidation-mode", "unchecked-hash", "-s", str(built), "-p", mounted, str(built)]
        processes.run(command, folder / "bytecode.log", env)


if __name__ == "__main__":
    sys.exit(run_tool(build))
