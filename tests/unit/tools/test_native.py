"""The native kernel is compiled to equal bytes everywhere, replaced at once, and compiled again for a newer source."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tools.build import native
from tools.command.errors import CommandFailed, Missing
from tools.env import compiler as machine
from tools.native import compiler

ROOT = Path(__file__).parents[3]
# It has its own path, if the compiler gets one.
SOURCE = """
#define Py_LIMITED_API 0x030C0000
#include <Python.h>
static PyObject *path(PyObject *self, PyObject *none) { (void)self; (void)none; return PyUnicode_FromString(__FILE__); }
static PyMethodDef methods[] = {{"path", path, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot slots[] = {{0, NULL}};
static struct PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_methods = methods, .m_slots = slots};
PyMODINIT_FUNC PyInit_native(void) { return PyModuleDef_Init(&module); }
"""
UNUSED = "static int unused(void) { return 1; }\n"  # a warning


def source(folder: Path, text: str = SOURCE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "native.c").write_text(text)
    return folder / "native.c"


def compiled(folder: Path, text: str = SOURCE) -> Path:
    target = folder / "native.abi3.so"
    compiler.compile_extension(source(folder, text), target)
    return target


def make(folder: Path, *arguments: str) -> str:
    """Run make without the variables of a make that runs the tests, and return what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout


def test_equal_sources_in_different_folders_give_equal_bytes(tmp_path: Path) -> None:
    assert compiled(tmp_path / "one").read_bytes() == compiled(tmp_path / "another/folder").read_bytes()


def test_the_library_is_imported_as_a_module(tmp_path: Path) -> None:
    script = "import sys; sys.path.insert(0, sys.argv[1]); import native; print(native.path(), native.__file__)"
    target = compiled(tmp_path)
    command = [sys.executable, "-I", "-c", script, tmp_path]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"native.c {target}\n"


def test_nothing_else_is_left_beside_the_library(tmp_path: Path) -> None:
    compiled(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["native.abi3.so", "native.c"]


@pytest.mark.parametrize("text", ["not C", UNUSED + SOURCE], ids=["an error", "a warning"])
def test_a_refused_source_leaves_the_earlier_library_and_shows_what_gcc_printed(tmp_path: Path, text: str) -> None:
    before = compiled(tmp_path).read_bytes()
    with pytest.raises(
        compiler.CompilerFailed, match=r"(?s)^gcc .* native\.c .*ended with status 1:\nnative\.c:1:.*error"
    ):
        compiled(tmp_path, text)
    assert (tmp_path / "native.abi3.so").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["native.abi3.so", "native.c"]


def test_warnings_change_no_byte_and_may_be_ignored(tmp_path: Path) -> None:
    target = tmp_path / "native.abi3.so"
    compiler.compile_extension(source(tmp_path, UNUSED + SOURCE), target, warnings=())
    assert target.read_bytes() == compiled(tmp_path).read_bytes()


@pytest.mark.slow
def test_several_may_compile_to_one_target_at_once(tmp_path: Path) -> None:
    target = compiled(tmp_path)
    expected, path = target.read_bytes(), source(tmp_path)

    def compile_and_read(_: int) -> bytes:
        compiler.compile_extension(path, target)
        return target.read_bytes()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(compile_and_read, range(12))) == [expected] * 12


def test_flags_of_the_processor_are_those_of_the_makefile() -> None:
    show = "show: ; @echo $(MARCH_x86_64) $(MARCH_aarch64) / $(filter -march=%,$(ANNOY_FLAGS))"
    made = make(ROOT, "--eval", show, "show")
    flags = [compiler.machine_flags(machine) for machine in ("x86_64", "aarch64")]
    assert flags == [["-march=haswell"], ["-march=armv8.2-a"]]
    assert made.split() == [*flags[0], *flags[1], "/", *compiler.machine_flags(os.uname().machine)]
    assert compiler.machine_flags("riscv64") == []


def test_without_a_compiler_every_command_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(compiler.NoCompiler, match=r"^gcc$"):
        compiled(tmp_path)
    for command in (machine.check, native.compile_into_layer):
        with pytest.raises(Missing, match=r"lacks gcc, g\+\+\.\n  Debian, Ubuntu: apt install g\+\+ python3\.12-dev"):
            command()


def test_without_headers_the_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    assert compiler.missing() == [str(tmp_path / "Python.h")]


@pytest.mark.slow
def test_the_layer_gets_a_library_of_its_own_and_no_source(tmp_path: Path) -> None:
    kernels = (tmp_path / native.SHIPPED).parent
    source(kernels / "c")
    (kernels / "native.abi3.so").write_text("compiled for a developer, long ago")
    assert native.compile_into_layer(tmp_path).endswith(" KiB")
    compiler.compile_extension(native.SOURCE, tmp_path / "expected.so")
    assert {path.name: path.read_bytes() for path in kernels.iterdir()} == {
        "native.abi3.so": (tmp_path / "expected.so").read_bytes()
    }


def test_a_source_that_does_not_compile_fails_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "SOURCE", source(tmp_path, "not C"))
    (tmp_path / native.SHIPPED).parent.mkdir(parents=True)
    with pytest.raises(CommandFailed, match=r"native\.c:1:"):
        native.compile_into_layer(tmp_path)


KERNELS = "layers/vectord/vectord/index/kernels"
LIBRARY = f"{KERNELS}/native.abi3.so"
SOURCES = (f"{KERNELS}/c/native.c", f"{KERNELS}/c/some.h", "tools/native/compiler.py", "tools/native/march.mk")
PINS = ("uv.lock", "clients/python/uv.lock", "tools/env/uv.txt")
ENVIRONMENTS = ("dev", "bench", "client")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A work tree in which everything is made: a source has the time 1, the library 2, an environment 3."""
    times = dict.fromkeys(SOURCES + PINS, 1) | {LIBRARY: 2, ".venv/uv/.stamp": 2}
    times |= {f".venv/{name}/.stamp": 3 for name in ENVIRONMENTS}
    for path, time in times.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
        os.utime(tmp_path / path, (time, time))
    for path in ("Makefile", "tools/native/march.mk"):
        shutil.copyfile(ROOT / path, tmp_path / path)
        os.utime(tmp_path / path, (1, 1))
    return tmp_path


def commands(tree: Path, environment: str) -> list[str]:
    """Return the modules of tools/ that make would run for an environment."""
    printed = make(tree, "--dry-run", f".venv/{environment}/.stamp")
    return [line.partition(" -m ")[2] for line in printed.splitlines() if " -m " in line]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("newer", SOURCES)
def test_make_compiles_a_newer_source_and_makes_no_environment_for_it(tree: Path, environment: str, newer: str) -> None:
    assert commands(tree, environment) == []
    os.utime(tree / newer, (4, 4))
    assert commands(tree, environment) == ["tools.build.native"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_make_compiles_the_kernel_before_the_environment(tree: Path, environment: str) -> None:
    (tree / LIBRARY).unlink()
    (tree / f".venv/{environment}/.stamp").unlink()
    assert commands(tree, environment) == ["tools.build.native", f"tools.env.venv {environment}"]
