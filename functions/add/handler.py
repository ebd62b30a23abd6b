"""POST /indexes/{name}/vectors: add or replace a batch of vectors; PATCH: change the metadata of some."""

from vectord.edge import handler, vectors
from vectord.edge.events import fan_out
from vectord.edge.handler import Reply
from vectord.edge.request import Request
from vectord.edge.schemas import bodies, vector_answers
from vectord.runtime import api
from vectord.service.writes import Changes


def add(request: Request, service: Changes) -> Reply:
    batch = bodies.entries(bodies.decode(request.body, bodies.AddBody).vectors)
    done = service.add(request.path["name"], batch, request.until, request.expected, request.idempotency_key)
    return Reply(vector_answers.Added(done.added, done.replaced, done.count), headers=handler.etag(done.etag))


def patch(request: Request, service: Changes) -> Reply:
    body = bodies.decode(request.body, bodies.PatchBody)
    done = service.patch(
        request.path["name"],
        vectors.selection(body.ids, body.filter),
        vectors.patch(body),
        request.until,
        expected=request.expected,
        key=request.idempotency_key,
    )
    return Reply(vector_answers.Patched(done.patched, done.count), headers=handler.etag(done.etag))


ROUTES: dict[str, handler.Route[Changes]] = {
    "POST /indexes/{name}/vectors": add,
    "PATCH /indexes/{name}/vectors": patch,
}

lambda_handler = fan_out.handler(handler.handler(ROUTES, api.service), api.service)
