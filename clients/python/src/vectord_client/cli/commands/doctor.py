"""`vectord doctor`: checks of the set-up."""

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from vectord_client import errors
from vectord_client.auth import authorizer
from vectord_client.cli.command import command
from vectord_client.cli.doctor.credentials import credentials
from vectord_client.cli.doctor.finding import Finding, fail, ok
from vectord_client.cli.doctor.folder import folder, indexes
from vectord_client.cli.doctor.installation import installation
from vectord_client.cli.doctor.rights import rights
from vectord_client.cli.doctor.service import identity, probe
from vectord_client.cli.failures import Exit
from vectord_client.cli.output import Output
from vectord_client.cli.parameters import TEXT
from vectord_client.cli.records import counted
from vectord_client.cli.session import Session, pass_session
from vectord_client.http import HttpTransport
from vectord_client.target import resolve

_EXAMPLES = """
vectord doctor
vectord doctor --store ./data
vectord doctor --url "$URL" --index films
vectord doctor --json | jq 'select(.status != "ok")'
"""
_COLOURS = {"ok": "32", "warn": "33", "fail": "31"}


@command(examples=_EXAMPLES)
@click.option("--index", type=TEXT, metavar="NAME", help="Check this index and the rights on it. Default: all.")
@pass_session
def doctor_command(session: Session, index: str | None) -> int:
    """Check the target, credentials, clock, rights, versions and disk, and say how to fix what fails.

    Nothing is changed. The exit code is 1 if a check fails; warnings do not count.
    """
    statuses = list[str]()
    for finding in check_all(session, index):
        statuses.append(finding.status)
        _print(session.output, finding)
    failed, warned = statuses.count("fail"), statuses.count("warn")
    session.output.summary(f"{counted(len(statuses), 'check')}, {failed} failed, {counted(warned, 'warning')}")
    return Exit.FAILED if failed else Exit.DONE


def _print(output: Output, finding: Finding) -> None:
    if output.as_json:
        output.records((), [asdict(finding)])
        return
    fix = f"\nfix: {finding.fix}" if finding.fix else ""
    output.marked(finding.status.ljust(4), _COLOURS[finding.status], f"{finding.check}: {finding.detail}{fix}")


def check_all(session: Session, index: str | None) -> Iterator[Finding]:
    """Yield the findings about the installation and about the target of the session, as they are made."""
    yield from installation()
    origin = "--store" if session.store else "--url" if session.url else "VECTORD_URL"
    try:
        target = resolve(session.target, os.environ)
    except errors.UsageError as error:
        yield fail("target", error.detail, "--url URL, --store FOLDER, or VECTORD_URL in the environment")
        return
    yield ok("target", f"{target}, from {origin}")
    if isinstance(target, Path):
        yield from _embedded(session, target, index)
    else:
        yield from _service(session, target, index)


def _embedded(session: Session, path: Path, index: str | None) -> Iterator[Finding]:
    broken = False
    for finding in folder(path):
        broken = broken or finding.status == "fail"
        yield finding
    if broken or not path.exists():
        return
    yield from indexes(session.client, index)


def _service(session: Session, url: str, index: str | None) -> Iterator[Finding]:
    response, found = probe(url)
    yield from found
    try:
        authorized = authorizer(session.auth, url, session.region, os.environ)
    except errors.MissingExtra as error:
        yield fail("credentials", error.detail, "pip install 'vectord-client[iam]'")
        return
    except errors.UsageError as error:
        yield fail(
            "credentials",
            error.detail,
            "--auth, --region, VECTORD_TOKEN and AWS's own variables decide; docs/client.md",
        )
        return
    yield credentials(authorized)
    if response is None:
        return
    transport = HttpTransport(url, authorized)
    try:
        service = identity(response, transport)
        yield service
        if service.status != "fail":
            yield from rights(transport, index)
    finally:
        transport.close()
