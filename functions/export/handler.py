"""GET /indexes/{name}/export: all rows of an index as a file."""

from vectord.edge import export as edge_export
from vectord.edge import handler
from vectord.edge.request import Request
from vectord.edge.route import Reply, Route
from vectord.runtime import export as runtime_export
from vectord.runtime.settings import access_claim
from vectord.service.export import Exports
from vectord.service.values.options import ReadOptions


def export(request: Request, exports: Exports) -> Reply:
    name, export_request = request.path["name"], edge_export.read_export(request.query)
    read = ReadOptions(as_of=request.query.get("as_of"))
    if (
        request.preconditions and request.preconditions.if_none_match
    ):  # reading the ETag costs less than writing a file that the caller already has
        described = exports.service.describe(name, request.deadline, read)
        reply = handler.reply_or_not_modified(request, Reply(None, headers=handler.etag_header(described.etag)))
        if reply.status == 304:
            return reply
    return edge_export.export_reply(
        name, export_request.format, exports.export(name, export_request, request.deadline, read)
    )


ROUTES: dict[str, Route[Exports]] = {"GET /indexes/{name}/export": Route(export, "read")}

lambda_handler = handler.handler(ROUTES, runtime_export.exports, access_claim)
