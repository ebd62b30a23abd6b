"""vectord: the real handlers on the bucket, called as Lambda calls them.

The kind is the function that a process is, for on Lambda each function has processes of its own. Effort is a recall to
ask for, or 0 for what the index was built for.
"""

import base64
import importlib.util
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.peers.adapters.peer import F32, K, Place

_ROOT = Path(__file__).resolve().parents[3]
PREFIX = "_vectors"
_ID = "row-"


class Refused(Exception):
    """A handler answered with a problem."""


class Vectord:
    """One function's process; `told` is what its last answer said besides the matches."""

    def __init__(self, place: Place, kind: str) -> None:
        self._place = place
        os.environ |= {
            "AWS_ENDPOINT_URL_S3": place.endpoint,
            "VECTORD_STORE": f"s3://{place.bucket}/{PREFIX}",
        }
        self._handler = _load(kind)
        self._event: dict[str, Any] = {}
        self.told: dict[str, Any] = {}

    def open(self) -> None:
        """Do nothing: the first search of a process opens the index."""

    def search(self, query: F32, effort: Any) -> Sequence[int]:
        body: dict[str, Any] = {"vector": _packed(query), "k": K} | ({"recall": effort} if effort else {})
        self.told = self._ask(_event("search", self._place.name, body))
        return [row_of(match["id"]) for match in self.told.pop("matches")]

    def prepare(self, vectors: F32, first: int) -> None:
        items = [
            {"id": id_of(row), "vector": _packed(vector), "metadata": {"row": row}}
            for row, vector in enumerate(vectors, first)
        ]
        self._event = _event("vectors", self._place.name, {"vectors": items})

    def add(self) -> None:
        self._ask(self._event)

    def refresh(self) -> None:
        """Do nothing: every search reads the state in the bucket."""

    def _ask(self, event: dict[str, Any]) -> dict[str, Any]:
        answer = self._handler(event, None)
        if answer["statusCode"] >= 300:
            raise Refused(answer["body"])
        body: dict[str, Any] = json.loads(answer["body"])
        return body


def _load(function: str) -> Callable[..., dict[str, Any]]:
    """Import a function's module as Lambda does, by its file."""
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


def make(place: Place, kind: str) -> Vectord:
    return Vectord(place, kind)
