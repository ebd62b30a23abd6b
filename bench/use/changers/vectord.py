"""vectord: the real handlers, invoked as on Lambda; their requests for compactions go to the benchmark's endpoint."""

import os
from collections.abc import Sequence
from typing import Any

from bench.handlers import Event, Handler, encode, event, load_handler
from bench.peers.adapters.peer import F32, Location
from bench.peers.adapters.vectord import PREFIX, Refused, id_of
from bench.use.changers.changer import Change
from bench.use.invocations import FUNCTION


class Handlers:
    """The functions create, add and delete in one process."""

    def __init__(self, location: Location) -> None:
        os.environ |= {
            "AWS_ENDPOINT_URL_S3": location.endpoint,
            "VECTORD_STORE": f"s3://{location.bucket}/{PREFIX}",
            "VECTORD_COMPACT": FUNCTION,
        }
        self._name = location.name
        self._create, self._add, self._delete = map(load_handler, ("create", "add", "delete"))

    def create(self, dimension: int) -> Change:
        request = event("", self._name, {"name": self._name, "dimension": dimension})
        return _call(self._create, {**request, "routeKey": "POST /indexes"})

    def add(self, vectors: F32, first: int) -> Change:
        rows = enumerate(vectors, first)
        items = [{"id": id_of(row), "vector": encode(vector), "metadata": {"row": row}} for row, vector in rows]
        return _call(self._add, event("vectors", self._name, {"vectors": items}))

    def patch(self, rows: Sequence[int]) -> Change:
        request = event("vectors", self._name, {"ids": list(map(id_of, rows)), "metadata": {"patched": True}})
        http = {**request["requestContext"]["http"], "method": "PATCH"}
        context = {**request["requestContext"], "http": http}
        return _call(self._add, {**request, "routeKey": "PATCH /indexes/{name}/vectors", "requestContext": context})

    def delete(self, rows: Sequence[int]) -> Change:
        return _call(self._delete, event("vectors/delete", self._name, {"ids": list(map(id_of, rows))}))

    def build(self) -> Change:
        return lambda: None


def _call(handler: Handler, request: Event) -> Change:
    def call() -> None:
        answer: dict[str, Any] = handler(request, None)
        if answer["statusCode"] >= 300:
            raise Refused(answer["body"])

    return call


def make(location: Location) -> Handlers:
    return Handlers(location)
