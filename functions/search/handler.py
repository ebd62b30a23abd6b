"""POST /indexes/{name}/search: find the nearest vectors; measure recall; warm an index; read vectors and values.

What is imported at the top does not import numpy. A cold start sends its first request to S3, and imports the rest
while that is on its way.
"""

import gc

from vectord.runtime import lean_imports

# Until the first request has imported the engine. Imports make many objects and hardly any garbage, and the garbage
# collector would look at all of them again and again: 13 of 155 ms.
_collects_garbage = gc.isenabled()
gc.disable()
lean_imports.import_msgspec()

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from vectord.edge import handler, telemetry
from vectord.edge.handler import Handler
from vectord.edge.request import Event
from vectord.edge.route import Route
from vectord.runtime.cold_start import SEARCH, ColdStart
from vectord.runtime.settings import access_claim

cold_start: Final = ColdStart(collects_garbage=_collects_garbage)
_service: Final = cold_start.function("vectord.runtime.api", "service")
_message_handler: Final = cold_start.function("vectord.edge.events.fan_out", "handler", seldom=True)


def _read(name: str) -> Route[Any]:
    return Route(cold_start.function("vectord.edge.read_routes", name, seldom=True), "read")


ROUTES: Mapping[str, Route[Any]] = {
    SEARCH: Route(cold_start.function("vectord.edge.search_routes", "search"), "read"),
    "POST /indexes/{name}/recall": _read("recall"),
    "POST /indexes/{name}/warm": _read("warm"),
    "POST /indexes/{name}/vectors/get": _read("get_vectors"),
    "GET /indexes/{name}/vectors": _read("list_vectors"),
    "POST /indexes/{name}/vectors/count": _read("count_vectors"),
    "POST /indexes/{name}/vectors/facets": _read("count_values"),
}


@cache
def _on_message() -> Handler:
    found: Handler = _message_handler(_service, read_only=True)
    return found


def answer_message(event: Event, context: object) -> Any:
    """Answer a request for a shard from another function."""
    return _on_message()(event, context)


lambda_handler = handler.handler(
    ROUTES,
    _service,
    access_claim,
    answer_message,
    first=cold_start.first_request,
    begin_log=telemetry.begin_search,
)
