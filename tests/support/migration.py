"""A migration from moto's S3 Vectors into vectord, in this process."""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support.backends import CREDENTIALS
from tests.support.moto_vectors import MotoVectors
from tests.support.served import Served
from tools.migrate import rows as rows_module
from tools.migrate.connect import sender, session, vectors_client
from tools.migrate.copying import Progress
from tools.migrate.destination import Destination
from tools.migrate.migration import Places, migrate
from tools.migrate.rows import Rows, Unreachable
from tools.migrate.source import Address, Source
from tools.migrate.verify import Outcome

ROOT = Path(__file__).parents[2]
FILMS = Address("films", "plots")
DIMENSION, COUNT, SEGMENTS = 4, 2_500, 5
METADATA: Mapping[str, Any] = {
    "year": 1979,
    "rate": 7.5,
    "seen": True,
    "tags": ["a", "ü"],
    "title": "Solaris 🚀",
    "zero": 0,
}


def key(number: int) -> str:
    return f"película/{number:05} {'?%#'[number % 3]}"


def fill(source: MotoVectors, count: int = COUNT, first: int = 0) -> None:
    for start in range(first, first + count, 500):
        numbers = range(start, min(start + 500, first + count))
        source.client.put_vectors(
            vectorBucketName="films", indexName="plots", vectors=[vector(number) for number in numbers]
        )


def vector(number: int) -> dict[str, Any]:
    """Return the vector with a number; each third one has no metadata."""
    found: dict[str, Any] = {"key": key(number), "data": {"float32": [number / 7, 0.1, -number, 1e-7]}}
    return found | ({"metadata": {**METADATA, "number": number}} if number % 3 else {})


class Report:
    """What a migration reported."""

    def __init__(self, after_copy: Callable[[], None]) -> None:
        self.said: list[str] = []
        self.progress: list[Progress] = []
        self._after_copy = after_copy

    def say(self, message: str) -> None:
        self.said.append(message)

    def copied(self, progress: Progress) -> None:
        complete = progress.done == progress.segments
        if complete and not (self.progress and self.progress[-1].done == progress.done):
            self._after_copy()
        self.progress.append(progress)

    def checked(self, keys: int) -> None:
        """Show nothing."""


class Move:
    """A migration in this process: its state file, and what it reported."""

    def __init__(self, source: MotoVectors, target: Served, state: Path) -> None:
        self.source, self.state, self.most_rows = source, state, rows_module.MAX_ROWS
        self.after_copy: Callable[[], None] = lambda: None
        made = session(None, "us-east-1")
        control = vectors_client(made, target.url, "execute-api", unsigned=True)
        self.send = sender(made, target.url, "none")
        self.places = Places(source.endpoint, target.url)
        self.destination = Destination(control, FILMS, self.rows(self.send))

    def rows(self, send: rows_module.Send) -> Rows:
        return Rows(send, "films_plots", most_rows=self.most_rows, sleep=lambda _: None)

    def run(self) -> Outcome:
        self.report = Report(self.after_copy)
        return migrate(
            Source(self.source.client, FILMS),
            self.destination,
            self.places,
            state=self.state,
            segments=SEGMENTS,
            report=self.report,
        )

    def fail_after(self, adds: int, with_status: int | None = None) -> None:
        """Answer only the first adds; then there is no answer, or a status."""
        left = iter(range(adds))

        def send(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> tuple[int, bytes]:
            if path.endswith("/vectors") and next(left, None) is None:
                if with_status is None:
                    raise Unreachable("the line is dead")
                return with_status, b'{"message": "no"}'
            return self.send(method, path, headers, body)

        self.destination.rows = self.rows(send)

    def recover(self) -> None:
        self.destination.rows = self.rows(self.send)


def listed(target: Served, name: str = "films_plots") -> dict[str, Any]:
    """Return every row of the copy by its key."""
    send = sender(session(None, "us-east-1"), target.url, "none")
    rows: dict[str, Any] = {}
    cursor = ""
    while True:
        path = f"/indexes/{name}/vectors?limit=1000&include=metadata,vector{cursor}"
        status, answer = send("GET", path, {}, None)
        assert status == 200, answer
        page = json.loads(answer)
        rows |= {one["id"]: one for one in page["vectors"]}
        if page["next"] is None:
            return rows
        cursor = f"&cursor={page['next']}"


def as_float32(values: list[float]) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def command(source: MotoVectors, target: Served, folder: Path, *more: str) -> subprocess.Popen[str]:
    """Start the command as a user does, with the state in `folder`."""
    arguments = ["films/plots", "--to", target.url, "--authorization", "none", "--endpoint-url", source.endpoint]
    arguments += ["--segments", "4", "--batch-rows", "100", "--state", str(folder / "state.json"), *more]
    return subprocess.Popen(
        [sys.executable, "-m", "tools.migrate", *arguments],
        cwd=ROOT,
        env={**os.environ, **CREDENTIALS, "AWS_CONFIG_FILE": os.devnull, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
