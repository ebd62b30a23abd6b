"""GET /indexes/{name}/export: all rows of an index as a file."""

from vectord import runtime
from vectord.edge import exporting, http
from vectord.edge.event import Request
from vectord.edge.http import Reply
from vectord.service.exports import Exports


def export(request: Request, service: Exports) -> Reply:
    name, asked = request.path["name"], exporting.asked(request.query)
    if request.conditions:  # to learn the ETag costs less than a file that the caller has
        described = service.describe(name, request.until, asked.as_of)
        held = http.unless_held(request, Reply(None, headers=http.etag(described.etag)))
        if held.status == 304:
            return held
    made = service.export(name, asked.kind, request.until, as_of=asked.as_of, linked=asked.linked)
    return exporting.shown(name, asked.kind, made)


ROUTES: dict[str, http.Route[Exports]] = {"GET /indexes/{name}/export": export}

lambda_handler = http.handler(ROUTES, runtime.exporting)
