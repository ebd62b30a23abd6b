"""The gate of the build refuses what would not run on Lambda; each test compiles its own library."""

import platform
import py_compile
import re
import subprocess
from pathlib import Path

import pytest

from tools.build import gate, native
from tools.command.errors import GateFailed

HARMLESS = "int one(void) { return 1; }"
CPP = """
#include <cstdio>
#include <stdexcept>
#include <string>
int measure(const std::string& text) {
    std::puts("");
    try { if (text.empty()) throw std::runtime_error(text); return (text + text).size(); } catch (...) { return 0; }
}
"""
AVX512 = 'void wide(void) { __asm__ volatile("vpxord %zmm0, %zmm0, %zmm0"); }'

on_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="its assembly is for x86-64")


def library(path: Path, source: str, language: str = "c", *linked: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    command = ["gcc", "-shared", "-fPIC", "-x", language, "-", "-x", "none", *linked, "-o", str(path)]
    subprocess.run(command, input=source, text=True, check=True, capture_output=True)
    return path


def module(path: Path, mode: py_compile.PycInvalidationMode) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("X = 1\n")
    py_compile.compile(str(path), invalidation_mode=mode)


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build that passes: a layer with annoy and the native kernel, and a function."""
    library(tmp_path / "Layer/python/annoy/annoylib.so", HARMLESS)
    library(tmp_path / native.SHIPPED, HARMLESS)
    module(tmp_path / "Function/handler.py", py_compile.PycInvalidationMode.UNCHECKED_HASH)
    return tmp_path


def annoy(build: Path) -> Path:
    return build / "Layer/python/annoy/annoylib.so"


def test_a_good_build_passes(build: Path) -> None:
    assert gate.check(build).startswith("2 libraries for ")


def test_a_build_without_annoy_is_refused(build: Path) -> None:
    annoy(build).unlink()
    with pytest.raises(GateFailed, match="has no annoylib"):
        gate.check(build)


@pytest.mark.parametrize("there", [None, "Layer/python/vectord/native.abi3.so"])
def test_a_build_without_the_native_kernel_where_it_is_imported_is_refused(build: Path, there: str | None) -> None:
    kernel = build / native.SHIPPED
    if there:
        library(build / there, HARMLESS)
    kernel.unlink()
    with pytest.raises(GateFailed, match=r"has no Layer/python/vectord/index/kernels/native\.abi3\.so"):
        gate.check(build)


@on_x86
@pytest.mark.parametrize("compiled_here", ["Layer/python/annoy/annoylib.so", native.SHIPPED], ids=["annoy", "kernel"])
def test_avx512_is_refused(build: Path, compiled_here: str | Path) -> None:
    library(build / compiled_here, AVX512)
    with pytest.raises(GateFailed, match="AVX-512"):
        gate.check(build)


@pytest.mark.parametrize(
    ("name", "needed", "older"),
    [
        ("GLIBC", r"2\.[0-9.]+", (2, 1)),
        ("GLIBCXX", r"3\.4\.21", (3, 4, 20)),  # std::string of C++11 is from gcc 5
        ("CXXABI", r"1\.3", (1, 2)),
        ("GCC", r"3\.0", (2, 0)),
    ],
)
@pytest.mark.slow
def test_a_library_that_needs_a_newer_system_library_is_refused(
    build: Path, monkeypatch: pytest.MonkeyPatch, name: str, needed: str, older: tuple[int, ...]
) -> None:
    library(annoy(build), CPP, "c++", "-lstdc++")
    assert f"{name} " in gate.check(build)
    monkeypatch.setattr(gate, "NEWEST", gate.NEWEST | {name: older})
    with pytest.raises(
        GateFailed, match=rf"needs {name} {needed}, newer than {re.escape('.'.join(map(str, older)))} of"
    ):
        gate.check(build)


def test_a_version_that_a_library_itself_defines_is_not_needed(build: Path, tmp_path: Path) -> None:
    versions = tmp_path / "versions"
    versions.write_text("GLIBCXX_9.9.9 { global: one; };")
    library(annoy(build), HARMLESS, "c", f"-Wl,--version-script={versions}")
    assert "9.9.9" not in gate.check(build)


def test_a_library_that_needs_packed_relocations_of_a_newer_glibc_is_refused(build: Path, tmp_path: Path) -> None:
    versions = tmp_path / "versions"
    versions.write_text("GLIBC_ABI_DT_RELR { global: one; };")
    newer = library(tmp_path / "newer.so", HARMLESS, "c", f"-Wl,--version-script={versions}")
    library(annoy(build), "int one(void); int two(void) { return one(); }", "c", str(newer))
    with pytest.raises(GateFailed, match="needs GLIBC_ABI_DT_RELR"):
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
