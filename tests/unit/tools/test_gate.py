"""The gate of the build refuses what would not run on Lambda; each test compiles its own library."""

import platform
import py_compile
import subprocess
from pathlib import Path

import pytest

from tools.build import gate
from tools.command.errors import GateFailed

HARMLESS = "int one(void) { return 1; }"
AVX512 = 'void wide(void) { __asm__ volatile("vpxord %zmm0, %zmm0, %zmm0"); }'

on_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="its assembly is for x86-64")


def library(path: Path, source: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    command = ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(path)]
    subprocess.run(command, input=source, text=True, check=True, capture_output=True)
    return path


def module(path: Path, mode: py_compile.PycInvalidationMode) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("X = 1\n")
    py_compile.compile(str(path), invalidation_mode=mode)


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build that passes: a layer with annoy, and a function."""
    library(tmp_path / "Layer/python/annoy/annoylib.so", HARMLESS)
    module(tmp_path / "Function/handler.py", py_compile.PycInvalidationMode.UNCHECKED_HASH)
    return tmp_path


def annoy(build: Path) -> Path:
    return build / "Layer/python/annoy/annoylib.so"


def test_a_good_build_passes(build: Path) -> None:
    assert gate.check(build).startswith("1 libraries for ")


def test_a_build_without_annoy_is_refused(build: Path) -> None:
    annoy(build).unlink()
    with pytest.raises(GateFailed, match="has no annoylib"):
        gate.check(build)


@on_x86
def test_avx512_is_refused(build: Path) -> None:
    library(annoy(build), AVX512)
    with pytest.raises(GateFailed, match="AVX-512"):
        gate.check(build)


def test_a_library_that_needs_a_newer_glibc_is_refused(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "NEWEST_GLIBC", (2, 1))
    library(annoy(build), '#include <stdio.h>\nvoid say(void) { puts(""); }')
    with pytest.raises(GateFailed, match=r"needs glibc 2\.\d+, newer than 2\.1 "):
        gate.check(build)


def test_libraries_for_two_processors_are_refused(build: Path) -> None:
    other = build / "Layer/python/other.so"
    content = bytearray(annoy(build).read_bytes())
    content[18] = 183 if content[18] != 183 else 62
    other.write_bytes(content)
    with pytest.raises(GateFailed, match=r"different processors: .* for .*, .* for "):
        gate._one_machine([annoy(build), other])


@pytest.mark.parametrize(
    "mode", [py_compile.PycInvalidationMode.TIMESTAMP, py_compile.PycInvalidationMode.CHECKED_HASH]
)
def test_bytecode_that_is_compared_with_its_source_is_refused(
    build: Path, mode: py_compile.PycInvalidationMode
) -> None:
    module(build / "Function/handler.py", mode)
    with pytest.raises(GateFailed, match="without unchecked bytecode"):
        gate.check(build)


def test_more_than_the_unzipped_limit_is_refused(build: Path) -> None:
    with (build / "Layer/python/large.bin").open("wb") as file:
        file.truncate(gate.LARGEST_UNZIPPED)
    with pytest.raises(GateFailed, match="more than Lambda's limit"):
        gate.check(build)
