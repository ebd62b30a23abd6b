"""Read a checkout of pypa/advisory-database: advisories in the OSV format in `vulns/<package>/<id>.yaml`.

pip-audit asks a server and leaves it to compare versions, so it cannot read such a folder. The rules of the comparison:
https://ossf.github.io/osv-schema/ (evaluation).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from packaging.version import InvalidVersion, Version

from tools.env.pins import Pin, normal

_MODIFIED: Final = re.compile(r"^modified: *['\"]?(\d{4}-\d\d-\d\d)", re.MULTILINE)
_BEGINNING: Final = "0"  # before every version
_LOADER: Final = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # reads 1.10 as text


class NoDatabase(Exception):
    """The folder has no advisories."""


def newest(folder: Path) -> tuple[int, str]:
    """Return the number of advisories in a folder and the day of the latest change.

    Raises:
        NoDatabase
    """
    found = [_MODIFIED.search(path.read_text(encoding="utf-8")) for path in folder.glob("vulns/*/*.yaml")]
    days = [one[1] for one in found if one]
    if not days:
        raise NoDatabase(f"{folder} has no vulns/<package>/<id>.yaml")
    return len(found), max(days)


def known(wanted: Sequence[Pin], folder: Path) -> dict[Pin, list[str]]:
    """Return the ids of the advisories of those pins that have some."""
    folders: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("vulns/*")):
        folders.setdefault(normal(path.name), []).append(path)
    found = {pin: sorted(_ids(pin, folders.get(normal(pin.name), ()))) for pin in wanted}
    return {pin: ids for pin, ids in found.items() if ids}


def _ids(pin: Pin, folders: Sequence[Path]) -> Iterator[str]:
    for path in (path for folder in folders for path in folder.glob("*.yaml")):
        advisory = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
        if "withdrawn" not in advisory and any(_affects(pin, each) for each in advisory.get("affected", ())):
            yield str(advisory["id"])


def _affects(pin: Pin, affected: Mapping[str, Any]) -> bool:
    package = affected["package"]
    if package["ecosystem"] != "PyPI" or normal(package["name"]) != normal(pin.name):
        return False
    ranges = [one["events"] for one in affected.get("ranges", ()) if one["type"] == "ECOSYSTEM"]
    listed = any(_same(pin.version, one) for one in affected.get("versions", ()))
    return listed or any(_within(Version(pin.version), events) for events in ranges)


def _same(version: str, other: str) -> bool:
    try:
        return Version(version) == Version(other)
    except InvalidVersion:  # an old style, such as 2004d
        return version == other


def _within(version: Version, events: Sequence[Mapping[str, str]]) -> bool:
    """Return True if a version is in a range. A range whose bounds cannot be compared contains every version."""
    try:
        marks = sorted(
            (Version(at), what)
            for event in events
            for what, at in event.items()
            if what in ("introduced", "fixed", "last_affected") and at != _BEGINNING
        )
    except InvalidVersion:
        return True
    inside = {"introduced": _BEGINNING} in events
    for at, what in marks:
        if at < version or (at == version and what != "last_affected"):
            inside = what == "introduced"
    return inside
