"""One migration: prepare the destination, copy, verify. A command gives it a report for what it prints."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tools.command.errors import CheckFailed
from tools.migrate.copying import Progress, copy
from tools.migrate.destination import Destination
from tools.migrate.source import Source
from tools.migrate.state import opened, started
from tools.migrate.verify import Outcome, verify

MOST_SEGMENTS = 16


class Report(Protocol):
    """What a command shows of a migration."""

    def say(self, message: str) -> None:
        """Show a message."""

    def copied(self, progress: Progress) -> None:
        """Show how far the copy is."""

    def checked(self, keys: int) -> None:
        """Show how many keys were verified."""


@dataclass(frozen=True)
class Places:
    """Where the two sides are, as the state file records it."""

    source: str
    destination: str


def migrate(
    source: Source, destination: Destination, places: Places, *, state: Path, segments: int, report: Report
) -> Outcome:
    """Copy an index, or continue an interrupted copy, and verify it. The state file is removed after success.

    Raises:
        MigrationFailed: a request was refused, or there is no answer; a later call continues.
        CheckFailed: the copy differs from the source.
    """
    wanted = source.describe()
    identity: Mapping[str, object] = {
        "source": f"{places.source} {source.address}",
        "destination": f"{places.destination} {destination.address}",
        "created": wanted.created,
    }
    divided = source.divides(segments)
    segments = segments if divided else 1
    progress = opened(state, identity, segments)
    for note in wanted.notes:
        report.say(f"note: {note}")
    if not divided:
        report.say("note: the source does not divide its listing into segments; one reader reads it")
    prepared = destination.prepare(wanted)
    report.say(f"{destination.address}: {prepared.message}")
    if progress.resumed and prepared.created:
        report.say("the copy that was begun does not exist any more: copying from the start")
        progress = started(state, identity, segments)
    elif progress.resumed:
        report.say(f"continuing after {progress.rows:,} vectors ({state}, {len(progress.segments)} segments)")
    progress.save()
    copy(source, destination.rows, progress, report.copied)
    outcome = verify(source, destination.rows, len(progress.segments), report.checked)
    progress.remove()
    report.say(summary(outcome))
    if not outcome.equal:
        raise CheckFailed(advice(outcome))
    return outcome


def summary(outcome: Outcome) -> str:
    """Return the counts of a verification."""
    return (
        f"verified: {outcome.source:,} vectors in the source, {outcome.destination:,} in vectord; "
        f"{outcome.missing:,} missing, {outcome.extra:,} that the source does not have; "
        f"{len(outcome.different):,} of {outcome.compared:,} compared vectors differ"
    )


def advice(outcome: Outcome) -> str:
    """Return what to do about each difference."""
    parts = []
    if outcome.missing:
        parts.append(f"{outcome.missing:,} vectors are missing ({_named(outcome.missing_keys)})")
    if outcome.different:
        parts.append(f"vectors differ ({_named(outcome.different)})")
    again = "They were written to the source while it was copied? Run the same command again: it replaces what changed."
    text = [f"{' and '.join(parts)}. {again}"] if parts else []
    if outcome.extra:
        text.append(
            f"{outcome.extra:,} vectors are not in the source: they were deleted there meanwhile, or were in the "
            "destination before. A migration deletes nothing."
        )
    return " ".join(text)


def _named(keys: object) -> str:
    return ", ".join(repr(key) for key in list(keys)[:3])  # type: ignore[call-overload]
