"""Delete an index, one vector by its path, or several vectors by the ids or the filter in a body."""

from vectord.edge import handler, queued
from vectord.edge.events import fan_out
from vectord.edge.request import Request
from vectord.edge.route import Reply, Route
from vectord.edge.schemas import queries
from vectord.runtime import api
from vectord.runtime.settings import access_claim
from vectord.service.service import Service


def delete_index(request: Request, service: Service) -> Reply:
    queries.check(request.query, queries.NoParameters)
    service.delete_index(request.path["name"], request.deadline, request.delete_options)
    return Reply(status=204)


ROUTES: dict[str, Route[Service]] = {
    "DELETE /indexes/{name}": Route(delete_index, "admin", "delete-index"),
    "DELETE /indexes/{name}/vectors/{id+}": queued.route("DELETE /indexes/{name}/vectors/{id+}"),
    "POST /indexes/{name}/vectors/delete": queued.route("POST /indexes/{name}/vectors/delete"),
}

lambda_handler = handler.handler(ROUTES, api.writing_service, access_claim, fan_out.handler(api.writing_service))
