"""DELETE /indexes/{name} and its vectors, one by path or many by body."""

from vectord.edge import handler, vectors
from vectord.edge.events import fan_out
from vectord.edge.handler import Reply
from vectord.edge.request import Request
from vectord.edge.schemas import bodies, vector_answers
from vectord.errors import VectorNotFound
from vectord.runtime import api
from vectord.service.results import Deleted
from vectord.service.service import UseCases


def delete_index(request: Request, service: UseCases) -> Reply:
    service.delete_index(request.path["name"], request.until, request.expected)
    return Reply(status=204)


def delete_vector(request: Request, service: UseCases) -> Reply:
    name, vector_id = request.path["name"], request.path["id"]
    done = service.delete_vectors(name, [vector_id], request.until, request.expected, request.idempotency_key)
    if not done.deleted:
        raise VectorNotFound(name, vector_id)
    return _shown(done)


def delete_vectors(request: Request, service: UseCases) -> Reply:
    name, body, key = (
        request.path["name"],
        bodies.decode(request.body, bodies.DeleteBody),
        request.idempotency_key,
    )
    which = vectors.selection(body.ids, body.filter)
    if body.dry_run:
        would = service.would_delete(name, which, request.until, request.expected)
        return Reply(vector_answers.Deleted(would.deleted, would.count, dry_run=True), headers=handler.etag(would.etag))
    if which.filter is not None:
        return _shown(service.delete_matching(name, which.filter, request.until, request.expected, key))
    return _shown(service.delete_vectors(name, which.ids or (), request.until, request.expected, key))


def _shown(done: Deleted) -> Reply:
    return Reply(vector_answers.Deleted(done.deleted, done.count), headers=handler.etag(done.etag))


ROUTES: dict[str, handler.Route[UseCases]] = {
    "DELETE /indexes/{name}": delete_index,
    "DELETE /indexes/{name}/vectors/{id+}": delete_vector,
    "POST /indexes/{name}/vectors/delete": delete_vectors,
}

lambda_handler = fan_out.handler(handler.handler(ROUTES, api.service), api.service)
