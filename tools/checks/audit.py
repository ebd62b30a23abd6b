"""Ask the database of open-source advisories what is known of every pinned version: `make audit`.

One request to api.osv.dev. What ships must be free of known vulnerabilities; what only builds and tests is reported.
Where the database cannot be reached, nothing is known, and that is said and counted as skipped. On a closed network
`make audit ADVISORIES=folder` reads a checkout of github.com/pypa/advisory-database, and says how old it is.
"""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tools.checks import advisories
from tools.command.errors import CheckFailed
from tools.command.run import run_tool
from tools.env import pins
from tools.env.pins import Pin

DATABASE: Final = "https://api.osv.dev"
_SECONDS: Final = 20

type Known = Mapping[Pin, Sequence[str]]  # the ids of advisories


class Unreachable(Exception):
    """The database gave no answer."""


def audit(_folder: Path) -> None:
    """Print what is known.

    Raises:
        CheckFailed: something that ships has a known vulnerability, or what should be a folder of advisories is none.
    """
    if len(sys.argv) > 1:
        report_of_folder(pins.shipped(), pins.others(), Path(sys.argv[1]))
    else:
        report(pins.shipped(), pins.others(), DATABASE)


def report(shipped: Sequence[Pin], others: Sequence[Pin], database: str) -> None:
    """Print what `database` knows of the pins, or that it could not be asked; raises as `audit` does."""
    try:
        known = ask([*shipped, *others], database)
    except Unreachable as error:
        print(f"SKIPPED audit: {len(shipped)} shipped and {len(others)} other pins were NOT checked: {error}")
        return
    _show(shipped, others, known)


def report_of_folder(shipped: Sequence[Pin], others: Sequence[Pin], folder: Path) -> None:
    """Print what the advisories in `folder` say of the pins, and how old they are; raises as `audit` does."""
    try:
        count, day = advisories.newest(folder)
    except advisories.NoDatabase as error:
        raise CheckFailed(str(error)) from error
    print(f"  {count:,} advisories, the newest of {day}: what was found later is NOT known")
    _show(shipped, others, advisories.known([*shipped, *others], folder))


def _show(shipped: Sequence[Pin], others: Sequence[Pin], known: Known) -> None:
    for pin, ids in known.items():
        place = "ships" if pin in shipped else "builds or tests"
        print(f"  {pin.name} {pin.version} ({place}): {', '.join(ids)}")
    print(f"  checked {len(shipped)} shipped and {len(others)} other pins: {len(known)} have known vulnerabilities")
    if bad := [pin for pin in shipped if pin in known]:
        raise CheckFailed(f"known vulnerabilities ship: {', '.join(f'{pin.name} {pin.version}' for pin in bad)}")


def ask(wanted: Sequence[Pin], database: str) -> Known:
    """Return the advisories of those pins that have some.

    Raises:
        Unreachable: no answer, or one that is none to the question.
    """
    body = json.dumps({"queries": [{"package": {"purl": pin.purl}} for pin in wanted]}).encode()
    request = urllib.request.Request(f"{database}/v1/querybatch", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            results = _results(json.load(answer), len(wanted))
    except (OSError, ValueError) as error:  # no name, no route, no time, no JSON
        raise Unreachable(f"no answer from {database} ({error})") from error
    return {pin: ids for pin, ids in zip(wanted, results, strict=True) if ids}


def _results(answer: Any, count: int) -> list[list[str]]:
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list) or len(results) != count:
        raise ValueError("an answer to another question")
    return [[str(found["id"]) for found in each.get("vulns", [])] for each in results]


if __name__ == "__main__":
    sys.exit(run_tool(audit))
