"""POST /indexes/{name}/vectors: add or replace a batch of vectors; PATCH: change the metadata of vectors."""

from vectord.edge import handler, vectors
from vectord.edge.events import fan_out
from vectord.edge.request import Request
from vectord.edge.route import Reply, Route
from vectord.edge.schemas import bodies, vector_answers
from vectord.readers.matrix import EntryMatrix
from vectord.runtime import api
from vectord.runtime.settings import access_claim
from vectord.service.service import Service


def add(request: Request, service: Service) -> Reply:
    batch = request.event.get("batch")  # in process: an event of Lambda is JSON, and cannot have it
    if not isinstance(batch, EntryMatrix):
        batch = bodies.entries(bodies.decode(request.body, bodies.AddBody).vectors)
    result = service.add(request.path["name"], batch, request.deadline, request.write_options)
    return Reply(
        vector_answers.Added(result.added, result.replaced, result.count),
        headers=handler.etag_header(result.etag),
        audit={"rows": result.added + result.replaced},
    )


def patch(request: Request, service: Service) -> Reply:
    body = bodies.decode(request.body, bodies.PatchBody)
    result = service.patch(
        request.path["name"],
        vectors.read_selection(body.ids, body.filter),
        vectors.read_patch(body),
        request.deadline,
        request.write_options,
    )
    return Reply(
        vector_answers.Patched(result.patched, result.count),
        headers=handler.etag_header(result.etag),
        audit={"rows": result.patched},
    )


ROUTES: dict[str, Route[Service]] = {
    "POST /indexes/{name}/vectors": Route(add, "write", "add-vectors"),
    "PATCH /indexes/{name}/vectors": Route(patch, "write", "change-metadata"),
}

lambda_handler = handler.handler(ROUTES, api.service, access_claim, fan_out.handler(api.service))
