"""What the clients' own suites are made of: fetched from PyPI and npm by hash, and cached under .cache/clients."""

import os
import shutil
import ssl
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.command.errors import Missing
from tools.command.paths import CACHE, ROOT
from tools.env import pins

FOLDER = CACHE / "clients"
JAVASCRIPT = ROOT / "tests/clients/javascript"


def suite_of(name: str) -> Path:
    """Return a folder with the tests and the settings of a distribution, as its source release has them.

    Wheels have no tests. The version and its hashes are those of uv.lock. Its code is not in the folder: the tests
    import what is installed.
    """
    [pin] = [pin for pin in pins.locked() if pin.name == name]
    folder = FOLDER / f"{name}-{pin.version}"
    if not folder.exists():
        _unpack(_download(pin), folder)
    return folder


def _download(pin: pins.Pin) -> Path:
    """Download the source release with pip, which verifies its hash."""
    target = FOLDER / "sdist" / pin.name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    wanted = target / "wanted.txt"
    wanted.write_text(f"{pin.name}=={pin.version} " + " ".join(f"--hash=sha256:{sha256}" for sha256 in pin.hashes))
    # Without isolation, pip builds the metadata with the pinned setuptools and hatchling of this environment.
    options = ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--require-hashes"]
    _run([sys.executable, "-m", "pip", "download", *options, "--dest", str(target), "--requirement", str(wanted)])
    [archive] = target.glob("*.tar.gz")
    return archive


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack tests and settings; the folder appears when it is complete."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            member.name = member.name.partition("/")[2]  # without the folder that is named like the release
            if member.name == "pyproject.toml" or member.name.startswith("tests/"):
                tar.extract(member, partial, filter="data")
    partial.rename(folder)


def packages_of_npm() -> Path:
    """Return a folder with our JavaScript tests and the packages of their package-lock.json."""
    lock = (JAVASCRIPT / "package-lock.json").read_bytes()
    folder = FOLDER / "javascript"
    stamp = folder / ".stamp"
    if not stamp.exists() or stamp.read_bytes() != lock:
        if shutil.which("npm") is None:
            raise Missing("the tests of the JavaScript SDK need Node 20 with npm: apt install nodejs npm")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(JAVASCRIPT, folder)
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)], _certificates())
        stamp.write_bytes(lock)
    shutil.copytree(JAVASCRIPT, folder, dirs_exist_ok=True)
    return folder


def _certificates() -> Mapping[str, str]:
    """Let npm trust the certificates of this machine, such as that of a proxy. Node has a list of its own."""
    file = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    return {"NODE_EXTRA_CA_CERTS": file} if Path(file).exists() else {}


def _run(command: Sequence[str], defaults: Mapping[str, str] = {}) -> None:
    done = subprocess.run(command, env={**defaults, **os.environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
