"""The package as it is built and installed."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROJECT = ROOT / "clients/python"
UV = ROOT / ".venv/uv/bin/uv"
BASE_BYTES = 8_000_000  # the client and its dependencies, without bytecode
OLDEST = "3.11"
KERNEL = "vectord/index/kernels/native.abi3.so"
KERNEL_SOURCE = "src/vectord/index/kernels/c/native.c"
NOT_COMPILED = "The wheel has no native kernel, so that its engine uses numpy alone: "


def _version(folder: Path) -> str:
    return str(tomllib.loads((folder / "pyproject.toml").read_text())["project"]["version"])


def _uv(*arguments: str | Path, **variables: str) -> str:
    """Run uv with more environment variables and return what it printed."""
    settings = {"UV_CACHE_DIR": str(ROOT / ".cache/uv"), "UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "1"}
    environment = {**os.environ, **settings, **variables}
    done = subprocess.run([UV, *arguments], env=environment, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the source distribution, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    _uv("build", "--quiet", "--python", sys.executable, "--out-dir", folder, PROJECT)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    [wheel] = built.glob("*.whl")
    return wheel


def _files(folder: Path) -> Iterator[str]:
    """Yield the files of a folder, and those of the folders that it links to."""
    for path in sorted(folder.iterdir()):
        if path.name in {"__pycache__", "c"} or path.suffix == ".so":
            continue
        if path.is_dir():
            yield from (f"{path.name}/{inner}" for inner in _files(path))
        else:
            yield path.name


def test_has_the_version_of_the_engine() -> None:
    assert _version(PROJECT) == _version(ROOT)


def _names(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def test_the_wheel_has_every_file_of_client_engine_and_functions_and_nothing_else(wheel: Path) -> None:
    folders = {
        "vectord_client": PROJECT / "src/vectord_client",
        "vectord_command": PROJECT / "src/vectord_command",
        "vectord": ROOT / "layers/vectord/vectord",
        "vectord_functions": ROOT / "functions",
    }
    expected = {f"{package}/{file}" for package, folder in folders.items() for file in _files(folder)}
    assert _names(wheel) == expected | {KERNEL}


def test_the_wheel_of_the_tree_equals_the_wheel_of_the_source_distribution(wheel: Path, tmp_path: Path) -> None:
    _uv("build", "--quiet", "--wheel", "--python", sys.executable, "--out-dir", tmp_path, PROJECT)
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_the_tag_of_the_wheel_names_python_and_platform_of_the_kernel(wheel: Path) -> None:
    platform = sysconfig.get_platform().replace("-", "_")
    assert wheel.name == f"vectord_client-{_version(PROJECT)}-cp312-abi3-{platform}.whl"


@pytest.fixture(scope="module")
def pure(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The wheel of a machine without a compiler, and what its build printed."""
    folder = tmp_path_factory.mktemp("pure")
    printed = _uv("build", "--wheel", "--python", sys.executable, "--out-dir", folder, PROJECT, PATH=str(folder))
    [found] = folder.glob("*.whl")
    return found, printed


def test_without_a_compiler_the_wheel_is_pure_and_the_build_says_so(wheel: Path, pure: tuple[Path, str]) -> None:
    found, printed = pure
    assert f"{NOT_COMPILED}this machine lacks gcc" in printed
    assert found.name == f"vectord_client-{_version(PROJECT)}-py3-none-any.whl"
    assert _names(found) == _names(wheel) - {KERNEL}


def test_a_build_without_hooks_gives_the_same_pure_wheel(pure: tuple[Path, str], tmp_path: Path) -> None:
    _uv("build", "--wheel", "--python", sys.executable, "--out-dir", tmp_path, PROJECT, HATCH_BUILD_NO_HOOKS="true")
    assert [(path.name, path.read_bytes()) for path in tmp_path.glob("*.whl")] == [(pure[0].name, pure[0].read_bytes())]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param("not C", "native.c:1:", id="a source that gcc refuses"),
        pytest.param(
            "__attribute__((constructor)) static void start(void) { __builtin_trap(); }",
            "(status -4)",
            id="an instruction that the processor refuses",
        ),
    ],
)
def test_a_kernel_that_does_not_run_on_this_machine_is_left_out(
    built: Path, pure: tuple[Path, str], source: str, said: str, tmp_path: Path
) -> None:
    [archive] = built.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        files.extractall(tmp_path, filter="data")
    [tree] = tmp_path.iterdir()
    (tree / KERNEL_SOURCE).write_text(source)
    printed = _uv("build", "--wheel", "--python", sys.executable, "--out-dir", tmp_path / "dist", tree)
    assert NOT_COMPILED in printed
    assert said in printed
    assert [path.name for path in (tmp_path / "dist").glob("*.whl")] == [pure[0].name]


def test_the_source_distribution_has_what_compiles_the_kernel_and_no_library(built: Path) -> None:
    [source] = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"hatch_build.py", "native/compiler.py", "native/march.mk", KERNEL_SOURCE}
    assert needed <= names
    assert [name for name in names if name.endswith(".so")] == []


def test_the_source_distribution_has_no_links(built: Path) -> None:
    [source] = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        members = archive.getmembers()
    assert [member.name for member in members if not (member.isfile() or member.isdir())] == []


def test_the_base_install_is_small_and_has_no_numpy(wheel: Path, tmp_path: Path) -> None:
    _uv("pip", "install", "--quiet", "--python", sys.executable, "--target", tmp_path, wheel)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert not (tmp_path / "numpy").exists()
    assert sum(path.stat().st_size for path in files) < BASE_BYTES


def test_imports_nothing_that_only_some_callers_need() -> None:
    script = "import sys; before = set(sys.modules); import httpx2, msgspec; base = set(sys.modules)\n"
    script += "import vectord_client; print(*sorted({name.partition('.')[0] for name in set(sys.modules) - base}))"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "src")}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert imported - set(sys.stdlib_module_names) == {"vectord_client"}
    assert "asyncio" not in imported  # a sixth of the time of httpx2


@pytest.fixture(scope="module")
def oldest(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of the oldest Python with a wheel that it builds; skipped where that Python is not installed."""
    folder = tmp_path_factory.mktemp("oldest")
    found = subprocess.run([UV, "python", "find", OLDEST], capture_output=True, text=True, check=False, cwd="/")
    if found.returncode:
        pytest.skip(f"Python {OLDEST} is not installed")
    _uv("venv", "--quiet", "--python", found.stdout.strip(), folder)
    [source] = built.glob("*.tar.gz")
    _uv("pip", "install", "--quiet", "--python", folder / "bin/python", source)
    return folder / "bin"


def test_the_oldest_python_gets_a_pure_wheel(oldest: Path) -> None:
    [packages] = oldest.parent.glob("lib/python*/site-packages")
    [written] = packages.glob("vectord_client-*.dist-info/WHEEL")
    assert "\nTag: py3-none-any\n" in written.read_text()
    assert not (packages / KERNEL).exists()


def test_the_oldest_python_runs_the_client_and_its_command(oldest: Path) -> None:
    done = subprocess.run([oldest / "python", "-c", "import vectord_client"], capture_output=True, check=False, cwd="/")
    assert (done.returncode, done.stderr) == (0, b"")
    done = subprocess.run([oldest / "vectord", "--help"], capture_output=True, check=False, cwd="/")
    assert (done.returncode, done.stderr) == (0, b"")


def test_embedded_mode_says_which_python_it_needs(oldest: Path, tmp_path: Path) -> None:
    script = f"import vectord_client; vectord_client.Client({str(tmp_path)!r})"
    done = subprocess.run([oldest / "python", "-c", script], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode != 0
    assert "Python 3.12" in done.stderr.splitlines()[-1]


def test_the_embedded_extra_builds_from_a_clone(tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    _uv("venv", "--quiet", "--python", sys.executable, environment)
    _uv("pip", "install", "--quiet", "--python", environment / "bin/python", f"{PROJECT}[embedded]")
    script = "import vectord.index.kernels.native\n"
    script += "from vectord_client import Client\n"
    script += "films = Client('data').create_index('films', dimension=2)\n"
    script += "films.add([('alien', [1, 0]), ('heat', [0, 1])])\n"
    script += "print(films.search([1, 0.1], k=1)[0].id)"
    done = subprocess.run(
        [environment / "bin/python", "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "alien\n", "")
