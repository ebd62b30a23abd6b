"""`make audit`: look up every pinned version in the OSV database of known vulnerabilities.

pip-audit asks api.osv.dev. Nothing that ships may have a known vulnerability; one in what only builds or tests is
reported. If the database cannot be reached, the check is skipped with the reason. On a closed network, `make audit
ADVISORIES=folder` reads a checkout of github.com/pypa/advisory-database instead, which pip-audit cannot do.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tools.checks import advisories
from tools.command.errors import CheckFailed
from tools.command.run import environment, run_tool
from tools.env import pins
from tools.env.pins import Pin

DATABASE: Final = "https://api.osv.dev/v1/query"
# Has known vulnerabilities. pip-audit takes an empty answer for "none", so a database that does not report this one did
# not answer the question.
CONTROL: Final = Pin("jinja2", "2.4.1")
_PIP_AUDIT: Final = Path(sys.executable).with_name("pip-audit")

type Known = Mapping[Pin, Sequence[str]]  # ids of advisories


class Unreachable(Exception):
    """The database did not answer, or did not answer the question."""


def audit(folder: Path) -> None:
    """Print the known vulnerabilities.

    Raises:
        CheckFailed: something that ships has one, or the folder of advisories has no advisories.
    """
    if len(sys.argv) > 1:
        report_from_copy(pins.shipped(), pins.others(), Path(sys.argv[1]))
    else:
        report(pins.shipped(), pins.others(), DATABASE, folder)


def report(shipped: Sequence[Pin], others: Sequence[Pin], database: str, folder: Path) -> None:
    """Print what `database` knows about the pins, or why it was not asked; raises as `audit` does."""
    try:
        known = look_up([*shipped, *others], database, folder)
    except Unreachable as error:
        print(f"SKIPPED audit: {len(shipped)} shipped and {len(others)} other pins were NOT checked: {error}")
        return
    _show(shipped, others, known)


def report_from_copy(shipped: Sequence[Pin], others: Sequence[Pin], copy: Path) -> None:
    """Print what a copy of the advisories says about the pins, and its age; raises as `audit` does."""
    try:
        count, day = advisories.newest(copy)
    except advisories.NoDatabase as error:
        raise CheckFailed(str(error)) from error
    print(f"  {count:,} advisories, the newest of {day}: later vulnerabilities are NOT known")
    _show(shipped, others, advisories.known([*shipped, *others], copy))


def look_up(wanted: Sequence[Pin], database: str, folder: Path) -> Known:
    """Return the advisories of those pins that have some.

    Raises:
        Unreachable
    """
    found: dict[tuple[str, str], list[str]] = {}
    for number, group in enumerate(_groups([CONTROL, *wanted])):
        requirements, output = folder / f"pins-{number}.txt", folder / f"audit-{number}.json"
        requirements.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in group), encoding="utf-8")
        for entry in _pip_audit(requirements, output, database):
            key = pins.normal(entry["name"]), entry["version"]
            found[key] = sorted({vulnerability["id"] for vulnerability in entry["vulns"]})
    ids = {pin: found.get((pins.normal(pin.name), pin.version)) for pin in [CONTROL, *wanted]}
    if not ids[CONTROL] or None in ids.values():
        raise Unreachable(f"{database} does not know {CONTROL.name} {CONTROL.version}, or left out a pin")
    return {pin: known for pin in wanted if (known := ids[pin])}


def _groups(wanted: Sequence[Pin]) -> Iterator[list[Pin]]:
    """Divide pins so that no group has two versions of a package, which pip-audit would refuse."""
    left = list(dict.fromkeys(wanted))
    while left:
        group = {pins.normal(pin.name): pin for pin in reversed(left)}
        yield list(group.values())
        left = [pin for pin in left if group[pins.normal(pin.name)] is not pin]


def _pip_audit(requirements: Path, output: Path, database: str) -> list[dict[str, Any]]:
    command = [str(_PIP_AUDIT), "--vulnerability-service", "osv", "--osv-url", database]
    command += ["--requirement", str(requirements)]
    command += ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json", "--output", str(output)]
    command += ["--cache-dir", str(output.with_suffix(".cache"))]
    done = subprocess.run(command, env=environment(output.parent), capture_output=True, text=True, check=False)
    if not output.exists():  # exit status 1 means vulnerabilities or any failure
        reason = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no reason given")
        raise Unreachable(f"pip-audit got no answer from {database}: {reason}")
    entries: list[dict[str, Any]] = json.loads(output.read_text(encoding="utf-8"))["dependencies"]
    return entries


def _show(shipped: Sequence[Pin], others: Sequence[Pin], known: Known) -> None:
    for pin, ids in known.items():
        place = "ships" if pin in shipped else "builds or tests"
        print(f"  {pin.name} {pin.version} ({place}): {', '.join(ids)}")
    print(f"  checked {len(shipped)} shipped and {len(others)} other pins: {len(known)} have known vulnerabilities")
    if bad := [pin for pin in shipped if pin in known]:
        raise CheckFailed(f"known vulnerabilities ship: {', '.join(f'{pin.name} {pin.version}' for pin in bad)}")


if __name__ == "__main__":
    sys.exit(run_tool(audit))
