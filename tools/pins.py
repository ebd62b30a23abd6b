"""The exact requirements of the project: what each file of them pins, and by which hashes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.paths import ROOT

SHIPPED = tuple(ROOT / "layers" / layer / "requirements.txt" for layer in ("vectord", "files"))
NOT_SHIPPED = ROOT / "requirements"

_PIN = re.compile(
    r"([A-Za-z0-9][\w.-]*)(?:\[[\w,-]+\])?==([\w.]+)"  # name, extras, version
    r"(?:\s*;[^\\#\n]*)?"  # on which machines
    r"((?:\s*\\\n\s*--hash=sha256:[0-9a-f]{64})*)"
)


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


def pins(path: Path) -> Iterator[Pin]:
    """Yield what a file of requirements pins."""
    text = path.read_text(encoding="utf-8")
    for line in re.finditer(r"^[A-Za-z0-9]", text, re.MULTILINE):
        found = _PIN.match(text[line.start() :])
        if found is None:
            raise ValueError(f"{path} has a line that pins nothing: {text[line.start() :].splitlines()[0]!r}")
        yield Pin(found[1], found[2], tuple(re.findall(r"sha256:([0-9a-f]{64})", found[3])))


def shipped() -> list[Pin]:
    return sorted(pin for path in SHIPPED for pin in pins(path))


def others() -> list[Pin]:
    """Return what is used to build and to test, in every version that some environment has."""
    return sorted({pin for path in NOT_SHIPPED.glob("*.txt") for pin in pins(path)} - set(shipped()))
