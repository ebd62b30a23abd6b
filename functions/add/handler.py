"""POST /indexes/{name}/vectors: add or replace a batch of vectors; PATCH: change the metadata of some."""

from vectord.edge import handler, vectors
from vectord.edge.events import fan_out
from vectord.edge.handler import Reply
from vectord.edge.request import Request
from vectord.edge.schemas import bodies, vector_answers
from vectord.runtime import api
from vectord.service.service import Service


def add(request: Request, service: Service) -> Reply:
    batch = bodies.entries(bodies.decode(request.body, bodies.AddBody).vectors)
    done = service.add(request.path["name"], batch, request.deadline, request.write_options)
    return Reply(vector_answers.Added(done.added, done.replaced, done.count), headers=handler.etag(done.etag))


def patch(request: Request, service: Service) -> Reply:
    body = bodies.decode(request.body, bodies.PatchBody)
    done = service.patch(
        request.path["name"],
        vectors.read_selection(body.ids, body.filter),
        vectors.read_patch(body),
        request.deadline,
        request.write_options,
    )
    return Reply(vector_answers.Patched(done.patched, done.count), headers=handler.etag(done.etag))


ROUTES: dict[str, handler.Route[Service]] = {
    "POST /indexes/{name}/vectors": add,
    "PATCH /indexes/{name}/vectors": patch,
}

lambda_handler = handler.handler(ROUTES, api.service, fan_out.handler(api.service))
