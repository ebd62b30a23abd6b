"""The exact versions that the project uses, and the sha256 hashes of the files that may be installed."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.command.paths import ROOT

LOCK: Final = ROOT / "uv.lock"
CLIENT_LOCK: Final = ROOT / "clients/python/uv.lock"
PROJECT: Final = ROOT / "pyproject.toml"
SHIPPED: Final = tuple(ROOT / "layers" / layer / "requirements.txt" for layer in ("vectord", "files"))

_PIN = re.compile(r"([A-Za-z0-9][\w.-]*)==([\w.]+)((?:\s*\\\n\s*--hash=sha256:[0-9a-f]{64})*)$", re.MULTILINE)
_HASH = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, order=True)
class Pin:
    """A distribution in one version; `hashes` are the sha256 of the files that may be installed, none if any may."""

    name: str
    version: str
    hashes: tuple[str, ...] = ()

    @property
    def purl(self) -> str:
        """The package URL, by which advisories and bills of materials name it."""
        return f"pkg:pypi/{normal(self.name)}@{self.version}"


def normal(name: str) -> str:
    """Return a distribution's name as PEP 503 normalizes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def shipped() -> list[Pin]:
    """Return what the layers contain."""
    return sorted(pin for path in SHIPPED for pin in required(path))


def others() -> list[Pin]:
    """Return what is used to build and to test, in every version that an environment has."""
    return sorted({*locked(), *locked(CLIENT_LOCK), *build_constraints()} - set(shipped()))


def required(path: Path) -> Iterator[Pin]:
    """Yield what a requirements file pins.

    Raises:
        ValueError: a line does not pin one version.
    """
    text = path.read_text(encoding="utf-8")
    for line in re.finditer(r"^[A-Za-z0-9]", text, re.MULTILINE):
        found = _PIN.match(text, line.start())
        if found is None:
            raise ValueError(f"{path} has a line that pins nothing: {text[line.start() :].splitlines()[0]!r}")
        yield Pin(found[1], found[2], tuple(sorted(_HASH.findall(found[3]))))


def locked(path: Path = LOCK) -> Iterator[Pin]:
    """Yield every package of a uv.lock, except the project itself."""
    for package in _toml(path)["package"]:
        if "registry" in package["source"]:
            files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
            yield Pin(package["name"], package["version"], tuple(sorted(file["hash"][7:] for file in files)))


def build_constraints(path: Path = PROJECT) -> Iterator[Pin]:
    """Yield the packages that annoy's source is built with."""
    for constraint in _toml(path)["tool"]["uv"]["build-constraint-dependencies"]:
        name, version = constraint["requirement"].split("==")
        yield Pin(name, version, tuple(_HASH.findall(" ".join(constraint["hashes"]))))


def write_build_constraints(path: Path) -> None:
    """Write the same packages as a constraints file for pip."""
    lines = (
        f"{pin.name}=={pin.version} " + " ".join(f"--hash=sha256:{sha256}" for sha256 in pin.hashes)
        for pin in build_constraints()
    )
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def project_version() -> str:
    """Return the version of vectord."""
    return str(_toml(PROJECT)["project"]["version"])


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
