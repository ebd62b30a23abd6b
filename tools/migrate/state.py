"""How far each segment was copied, in a small file: a later run continues from there."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.command.errors import MigrationFailed

FORMAT = 1


class StateRefused(MigrationFailed):
    """The state file is damaged, or belongs to another migration."""


@dataclass
class Segment:
    """The token of the page that follows the last one that vectord acknowledged; None before the first page."""

    token: str | None = None
    done: bool = False
    rows: int = 0


class State:
    """The segments of one migration, in a file that `save` replaces as a whole."""

    def __init__(self, path: Path, migration: Mapping[str, Any], segments: list[Segment], *, resumed: bool) -> None:
        self.path, self._migration = path, migration
        self.segments, self.resumed = segments, resumed

    @property
    def rows(self) -> int:
        """Vectors that were copied, in this run and before."""
        return sum(segment.rows for segment in self.segments)

    def save(self) -> None:
        """Write the state, so that after a crash the file has the old state or the new one.

        Raises:
            MigrationFailed: the file cannot be written.
        """
        document = {"format": FORMAT, "migration": self._migration, "segments": [vars(one) for one in self.segments]}
        beside = self.path.with_name(self.path.name + ".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("w") as file:
                json.dump(document, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            raise MigrationFailed(f"the state cannot be written: {error}; name another file with --state") from error

    def remove(self) -> None:
        """Delete the file: the migration is complete."""
        self.path.unlink(missing_ok=True)


def started(path: Path, migration: Mapping[str, Any], segments: int) -> State:
    """Return the state of a migration that has copied nothing."""
    return State(path, migration, [Segment() for _ in range(segments)], resumed=False)


def opened(path: Path, migration: Mapping[str, Any], segments: int) -> State:
    """Return the state in `path` if it is one of this migration, or a new one with this number of segments.

    Raises:
        StateRefused: the file is damaged or unreadable, or belongs to another migration.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return started(path, migration, segments)
    except OSError as error:
        raise StateRefused(f"the state cannot be read: {error}; name another file with --state") from error
    try:
        document = json.loads(content)
        found = [Segment(**one) for one in document["segments"]]
        known = document["format"] == FORMAT and bool(found)
    except (ValueError, KeyError, TypeError) as error:
        raise StateRefused(f"{path} is not the state of a migration; delete it to copy from the start") from error
    if not known or document.get("migration") != migration:
        raise StateRefused(
            f"{path} is the state of another migration: {json.dumps(document.get('migration'))}, and this one is "
            f"{json.dumps(migration)}. Name another file with --state, or delete it to copy from the start"
        )
    return State(path, migration, found, resumed=True)
