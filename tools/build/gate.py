"""Requirements of Lambda that a build must meet: system libraries, processor, bytecode and size."""

import importlib.util
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tools.build import native
from tools.command.errors import GateFailed

type Version = tuple[int, ...]

# The python3.12 runtime is based on Amazon Linux 2023, which has glibc 2.34 and the libraries of gcc 11:
# https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html. The symbol versions of gcc 11 in libstdc++ (GLIBCXX and
# CXXABI) and in libgcc (GCC) are from https://gcc.gnu.org/onlinedocs/libstdc++/manual/abi.html.
NEWEST: Mapping[str, Version] = {"GLIBC": (2, 34), "GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13), "GCC": (11, 0)}
LARGEST_UNZIPPED = 250 * 2**20  # Lambda's limit for a function with its layers
MACHINES = {62: "x86_64", 183: "arm64"}  # byte 18 of an ELF file
UNCHECKED_HASH = 0b01  # the flags of a .pyc that is never compared with its source (PEP 552)


def check(build: Path) -> str:
    """Check all requirements and return a summary.

    Raises:
        GateFailed: the build does not meet one.
    """
    libraries = [path for path in build.rglob("*.so*") if path.is_file()]
    annoy = [path for path in libraries if path.name.startswith("annoylib")]
    if not annoy:
        raise GateFailed(f"{build} has no annoylib: nothing was built, or in another folder")
    kernel = build / native.SHIPPED
    if kernel not in libraries:
        raise GateFailed(f"{build} has no {native.SHIPPED}: every search would compute with numpy, and take longer")
    needed = _newest_symbols(libraries)
    machine = _one_machine(libraries)
    for library in (*annoy, kernel):
        _refuse_avx512(library)
    _need_bytecode(build)
    return f"{len(libraries)} libraries for {machine}, {needed}, {_unzipped(build) / 2**20:.0f} MiB"


def _newest_symbols(libraries: list[Path]) -> str:
    """Return the newest symbol versions that the libraries need, as text.

    Raises:
        GateFailed: a library needs a newer version than the runtime has.
    """
    found = [(name, version, path) for path in libraries for name, version in _symbol_versions(path)]
    newest = {name: max((version, path) for other, version, path in found if other == name) for name, _, _ in found}
    for name, (version, path) in newest.items():
        if version > NEWEST[name]:
            raise GateFailed(
                f"{path} needs {name} {_dotted(version)}, newer than {_dotted(NEWEST[name])} of the runtime"
            )
    return ", ".join(f"{name} {_dotted(newest[name][0])}" for name in NEWEST if name in newest)


def _symbol_versions(library: Path) -> set[tuple[str, Version]]:
    """Return the symbol versions of system libraries that a library needs; GLIBC_ABI_... came after glibc 2.34."""
    references = _objdump("-p", library).partition("Version References:")[2]
    if feature := re.search(r"\bGLIBC_ABI_\w+", references):
        raise GateFailed(f"{library} needs {feature[0]}, which glibc of the runtime does not have")
    versions = re.findall(rf"\b({'|'.join(NEWEST)})_(\d+(?:\.\d+)*)\b", references)
    return {(name, tuple(map(int, version.split(".")))) for name, version in versions}


def _one_machine(libraries: list[Path]) -> str:
    """Return the processor of all libraries; a layer that was cross-built may have libraries for two."""
    of_each = {_machine(path): path for path in libraries}
    if len(of_each) != 1:
        raise GateFailed(
            "libraries are for different processors: " + ", ".join(f"{of_each[m]} for {m}" for m in of_each)
        )
    return next(iter(of_each))


def _machine(library: Path) -> str:
    with library.open("rb") as file:
        return MACHINES.get(file.read(20)[18], "an unknown processor")


def _refuse_avx512(library: Path) -> None:
    """Refuse instructions that some processors lack. Wheels select them at run time, what we compile does not."""
    if "%zmm" in _objdump("-d", library):
        raise GateFailed(
            f"{library} has AVX-512 instructions; its compiler did not get the flags of tools/native/march.mk "
            "(for annoy, in ANNOY_COMPILER_ARGS)"
        )


def _objdump(option: str, library: Path) -> str:
    return subprocess.run(["objdump", option, str(library)], check=True, capture_output=True, text=True).stdout


def _need_bytecode(build: Path) -> None:
    for source in build.rglob("*.py"):
        compiled = Path(importlib.util.cache_from_source(str(source)))
        if not compiled.exists() or compiled.read_bytes()[4] != UNCHECKED_HASH:
            raise GateFailed(f"{source} ships without unchecked bytecode, so every cold start would compile it")


def _unzipped(build: Path) -> int:
    """Return the bytes of all layers with the largest function."""
    folders = [path for path in build.iterdir() if path.is_dir()]
    layers = sum(_size(path) for path in folders if (path / "python").is_dir())
    functions = max(_size(path) for path in folders if not (path / "python").is_dir())
    if layers + functions > LARGEST_UNZIPPED:
        raise GateFailed(f"{(layers + functions) / 2**20:.0f} MiB unzipped is more than Lambda's limit")
    return layers + functions


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
