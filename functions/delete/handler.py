"""Delete an index, one vector by its path, or several vectors by the ids or the filter in a body."""

from vectord.edge import handler, vectors
from vectord.edge.events import fan_out
from vectord.edge.request import Request
from vectord.edge.route import Reply, Route
from vectord.edge.schemas import bodies, queries, vector_answers
from vectord.errors import VectorNotFound
from vectord.runtime import api
from vectord.runtime.settings import access_claim
from vectord.service.service import Service
from vectord.service.values.results import Deleted
from vectord.service.values.selection import Selection


def delete_index(request: Request, service: Service) -> Reply:
    queries.check(request.query, queries.NoParameters)
    service.delete_index(request.path["name"], request.deadline, request.delete_options)
    return Reply(status=204)


def delete_vector(request: Request, service: Service) -> Reply:
    queries.check(request.query, queries.NoParameters)
    name, vector_id = request.path["name"], request.path["id"]
    result = service.delete(name, Selection([vector_id]), request.deadline, request.write_options)
    if not result.deleted:
        raise VectorNotFound(name, vector_id)
    return _reply(result)


def delete_vectors(request: Request, service: Service) -> Reply:
    name, body = request.path["name"], bodies.decode(request.body, bodies.DeleteBody)
    write = request.write_options
    selection = vectors.read_deletion(body)
    if body.dry_run:
        counted = service.would_delete(name, selection, request.deadline, write)
        return Reply(
            vector_answers.Deleted(counted.deleted, counted.count, dry_run=True),
            headers=handler.etag_header(counted.etag),
            audit={"rows": 0},
        )
    return _reply(service.delete(name, selection, request.deadline, write))


def _reply(result: Deleted) -> Reply:
    return Reply(
        vector_answers.Deleted(result.deleted, result.count),
        headers=handler.etag_header(result.etag),
        audit={"rows": result.deleted},
    )


ROUTES: dict[str, Route[Service]] = {
    "DELETE /indexes/{name}": Route(delete_index, "admin", "delete-index"),
    "DELETE /indexes/{name}/vectors/{id+}": Route(delete_vector, "write", "delete-vector"),
    "POST /indexes/{name}/vectors/delete": Route(delete_vectors, "write", "delete-vectors"),
}

lambda_handler = handler.handler(ROUTES, api.service, access_claim, fan_out.handler(api.service))
