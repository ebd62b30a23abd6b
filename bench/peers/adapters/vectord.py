"""vectord: the real handlers, invoked as on Lambda.

`kind` is the function of the process, since each function has its own processes on Lambda. The effort is the target
recall, or 0 for the default.
"""

import base64
import importlib.util
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.peers.adapters.peer import F32, K, Location

_ROOT = Path(__file__).resolve().parents[3]
PREFIX = "_vectors"
_ID = "row-"


class Refused(Exception):
    """A handler answered with a problem document."""


class Vectord:
    """The process of one function; `details` is its last answer without the matches."""

    def __init__(self, location: Location, kind: str) -> None:
        self._location = location
        os.environ |= {
            "AWS_ENDPOINT_URL_S3": location.endpoint,
            "VECTORD_STORE": f"s3://{location.bucket}/{PREFIX}",
        }
        self._handler = _load(kind)
        self._event: dict[str, Any] = {}
        self.details: dict[str, Any] = {}

    def open(self) -> None:
        """Do nothing: the first search opens the index."""

    def search(self, query: F32, effort: Any) -> Sequence[int]:
        body: dict[str, Any] = {"vector": _packed(query), "k": K} | ({"recall": effort} if effort else {})
        self.details = self._invoke(_event("search", self._location.name, body))
        return [row_of(match["id"]) for match in self.details.pop("matches")]

    def prepare(self, vectors: F32, first: int) -> None:
        items = [
            {"id": id_of(row), "vector": _packed(vector), "metadata": {"row": row}}
            for row, vector in enumerate(vectors, first)
        ]
        self._event = _event("vectors", self._location.name, {"vectors": items})

    def add(self) -> None:
        self._invoke(self._event)

    def refresh(self) -> None:
        """Do nothing: every search reads the current state."""

    def _invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        answer = self._handler(event, None)
        if answer["statusCode"] >= 300:
            raise Refused(answer["body"])
        body: dict[str, Any] = json.loads(answer["body"])
        return body


def _load(function: str) -> Callable[..., dict[str, Any]]:
    """Import a function's module from its file, as Lambda does."""
    spec = importlib.util.spec_from_file_location("handler", _ROOT / "functions" / function / "handler.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Callable[..., dict[str, Any]] = module.lambda_handler
    return handler


def _event(verb: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
    path = f"/indexes/{name}/{verb}"
    return {
        "version": "2.0",
        "routeKey": f"POST /indexes/{{name}}/{verb}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "api.example.com", "user-agent": "bench"},
        "requestContext": {"http": {"method": "POST", "path": path}, "requestId": "bench", "stage": "$default"},
        "pathParameters": {"name": name},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


def _packed(vector: F32) -> str:
    return base64.b64encode(vector.tobytes()).decode()


def id_of(row: int) -> str:
    return f"{_ID}{row:07}"


def row_of(vector_id: str) -> int:
    return int(vector_id.removeprefix(_ID))


def make(location: Location, kind: str) -> Vectord:
    return Vectord(location, kind)
