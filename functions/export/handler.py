"""GET /indexes/{name}/export: all rows of an index as a file."""

from vectord.edge import export as edge_export
from vectord.edge import handler
from vectord.edge.handler import Reply
from vectord.edge.request import Request
from vectord.runtime import api
from vectord.service.export import Exports


def export(request: Request, service: Exports) -> Reply:
    name, asked = request.path["name"], edge_export.asked(request.query)
    if request.preconditions:  # to learn the ETag costs less than a file that the caller has
        described = service.describe(name, request.until, asked.as_of)
        held = handler.unless_held(request, Reply(None, headers=handler.etag(described.etag)))
        if held.status == 304:
            return held
    made = service.export(name, asked.kind, request.until, as_of=asked.as_of, linked=asked.linked)
    return edge_export.shown(name, asked.kind, made)


ROUTES: dict[str, handler.Route[Exports]] = {"GET /indexes/{name}/export": export}

lambda_handler = handler.handler(ROUTES, api.exporting)
