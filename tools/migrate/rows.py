"""Rows in vectord, through its own API: base64 vectors in large compressed batches, and retries."""

import base64
import gzip
import json
import random
import struct
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tools.command.errors import MigrationFailed
from tools.migrate.source import Vector

MAX_PACKED = 4_300_000  # bytes of a compressed body; Lambda accepts 4.7 MB, because it gets them as base64
MAX_PLAIN = 30_000_000  # bytes of a body before the compression; vectord accepts 32 MB
MAX_ROWS = 100_000  # of an add
ATTEMPTS = 8
FIRST_WAIT, LONGEST_WAIT = 0.5, 20.0  # seconds

_LEVEL = 1  # base64 of floats shrinks by a quarter at every level
_GZIP = zlib.MAX_WBITS | 16
_BEGIN, _END = b'{"vectors":[', b"]}"

type Send = Callable[[str, str, Mapping[str, str], bytes | None], tuple[int, bytes]]


class Unreachable(Exception):
    """No answer arrived; the message says why."""


def encoded(vector: Vector) -> bytes:
    """Return a vector of S3 Vectors as JSON of vectord. Absent metadata is sent as {}: it replaces what is stored."""
    floats = vector["data"]["float32"]
    packed = base64.b64encode(struct.pack(f"<{len(floats)}f", *floats)).decode()
    row = {"id": vector["key"], "vector": packed, "metadata": vector.get("metadata") or {}}
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


class Batch:
    """A compressed body of an add that grows row by row."""

    def __init__(self, most_rows: int = MAX_ROWS) -> None:
        self._most_rows = most_rows
        self._engine = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._parts = [self._engine.compress(_BEGIN)]
        self.rows, self._plain, self._packed = 0, len(_BEGIN) + len(_END), 0

    @property
    def full(self) -> bool:
        """True if the body must be sent before another row is added."""
        return self._packed >= MAX_PACKED or self._plain >= MAX_PLAIN or self.rows >= self._most_rows

    def append(self, row: bytes) -> None:
        """Add one encoded row."""
        part = self._engine.compress(b"," + row if self.rows else row)
        self._parts.append(part)
        self.rows += 1
        self._plain += len(row) + 1
        self._packed += len(part)

    def body(self) -> bytes:
        """End the body and return it."""
        return b"".join([*self._parts, self._engine.compress(_END), self._engine.flush()])


class Rows:
    """The rows of one index. `send` sends (method, path, headers, body) and returns (status, body)."""

    def __init__(
        self,
        send: Send,
        index: str,
        *,
        most_rows: int = MAX_ROWS,
        sleep: Callable[[float], None] = time.sleep,
        chance: random.Random | None = None,
    ) -> None:
        self._send, self._index, self._most_rows, self._sleep = send, index, most_rows, sleep
        self._chance = chance or random.Random()

    def batch(self) -> Batch:
        """Return an empty batch."""
        return Batch(self._most_rows)

    def count(self) -> int:
        """Return how many vectors the index has."""
        return int(self._call("POST", "/vectors/count", b"{}")["count"])

    def add(self, batch: Batch) -> None:
        """Add a batch. A repeated add changes nothing, so it may be retried whatever happened."""
        self._call("POST", "/vectors", batch.body(), {"Content-Encoding": "gzip"})

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Return which of up to 1,000 keys the index does not have."""
        body = {"ids": list(keys), "include": []}
        missing: list[str] = self._call("POST", "/vectors/get", json.dumps(body).encode())["missing"]
        return missing

    def get(self, keys: Sequence[str]) -> dict[str, tuple[bytes, Any]]:
        """Return key → (float32 bytes, metadata) of up to 100 keys; those that do not exist are left out."""
        body: dict[str, Any] = {"ids": list(keys), "vector_encoding": "base64"}
        found: dict[str, tuple[bytes, Any]] = {}
        while True:
            page = self._call("POST", "/vectors/get", json.dumps(body).encode())
            for one in page["vectors"]:
                found[one["id"]] = base64.b64decode(one["vector"]), one["metadata"]
            if page["next"] is None:
                return found
            body["after"] = page["next"]

    def _call(self, method: str, path: str, body: bytes, headers: Mapping[str, str] = {}) -> Any:
        """Send a request until it is answered with 2xx.

        Raises:
            MigrationFailed: the answer is a 4xx other than 429, or every attempt failed.
        """
        headers = {"Content-Type": "application/octet-stream", "Accept-Encoding": "gzip", **headers}
        said = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(self._chance.uniform(0, min(LONGEST_WAIT, FIRST_WAIT * 2**attempt)))
            try:
                status, answer = self._send(method, f"/indexes/{self._index}{path}", headers, body)
            except Unreachable as error:
                said = str(error)
                continue
            if status < 300:
                return json.loads(answer)
            said = f"{status} {explained(answer)}"
            if status != 429 and status < 500:
                break
        raise MigrationFailed(f"{method} /indexes/{self._index}{path}: {said}" + _advice(said))


def explained(answer: bytes) -> str:
    """Return what a problem says, or the text of another answer."""
    if answer.startswith(b"\x1f\x8b"):
        answer = gzip.decompress(answer)
    try:
        problem = json.loads(answer)
    except ValueError:
        return answer.decode(errors="replace")[:500]
    if not isinstance(problem, dict):
        return answer.decode(errors="replace")[:500]
    errors = " " + "; ".join(map(_shown, problem["errors"][:3])) if problem.get("errors") else ""
    return f"{problem.get('type', '')} {problem.get('detail', problem.get('message', ''))}{errors}".strip()


def _shown(bad: Mapping[str, Any]) -> str:
    """Return an item of a batch that was refused, with the beginning of a long id."""
    name = str(bad.get("id", ""))
    return f"{name[:40]!r}{'…' if len(name) > 40 else ''}: {bad.get('reason', '')}"


def _advice(said: str) -> str:
    if said.startswith(("401", "403")):
        return " (sign with --authorization iam; the caller needs execute-api:Invoke on the API: docs/s3vectors.md)"
    return ""
