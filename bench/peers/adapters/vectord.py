"""vectord: the real handlers, invoked as on Lambda.

`kind` is the function of the process, since each function has its own processes on Lambda. The effort is the target
recall, or 0 for the default.
"""

import json
import os
from collections.abc import Sequence
from typing import Any

from bench.handlers import encode, event, load_handler
from bench.peers.adapters.peer import F32, K, Location

PREFIX = "_vectors"
_ID = "row-"


class Refused(Exception):
    """A handler answered with a problem document."""


class Vectord:
    """The process of one function; `details` is its last answer without the matches.

    A caller of the API sends bytes, and needs no numpy: the function imports it while its first request is on its way.
    """

    takes_bytes = True

    def __init__(self, location: Location, kind: str) -> None:
        self._location = location
        os.environ |= {
            "AWS_ENDPOINT_URL_S3": location.endpoint,
            "VECTORD_STORE": f"s3://{location.bucket}/{PREFIX}",
        }
        self._handler = load_handler(kind)
        self._event: dict[str, Any] = {}
        self.details: dict[str, Any] = {}

    def open(self) -> None:
        """Do nothing: the first search opens the index."""

    def warm(self) -> None:
        """Search a copy of the object in the folder."""
        os.environ["VECTORD_STORE"] = self._location.folder.as_uri()

    def search(self, query: F32 | bytes, effort: Any) -> Sequence[int]:
        body: dict[str, Any] = {"vector": encode(query), "k": K} | ({"recall": effort} if effort else {})
        self.details = self._invoke(event("search", self._location.name, body))
        return [row_of(match["id"]) for match in self.details.pop("matches")]

    def prepare(self, vectors: F32, first: int) -> None:
        items = [
            {"id": id_of(row), "vector": encode(vector), "metadata": {"row": row}}
            for row, vector in enumerate(vectors, first)
        ]
        self._event = event("vectors", self._location.name, {"vectors": items})

    def add(self) -> None:
        self._invoke(self._event)

    def refresh(self) -> None:
        """Do nothing: every search reads the current state."""

    def _invoke(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = self._handler(request, None)
        if answer["statusCode"] >= 300:
            raise Refused(answer["body"])
        body: dict[str, Any] = json.loads(answer["body"])
        return body


def id_of(row: int) -> str:
    return f"{_ID}{row:07}"


def row_of(vector_id: str) -> int:
    return int(vector_id.removeprefix(_ID))


def make(location: Location, kind: str) -> Vectord:
    return Vectord(location, kind)
