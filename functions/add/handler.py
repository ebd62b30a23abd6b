"""POST /indexes/{name}/vectors: add or replace a batch of vectors; PATCH: change the metadata of some."""

from vectord import runtime
from vectord.edge import bodies, http, keys, parts, vectors
from vectord.edge.answers import writes
from vectord.edge.event import Request
from vectord.edge.http import Reply
from vectord.service.changes import Changes


def add(request: Request, service: Changes) -> Reply:
    batch = bodies.entries(bodies.decode(request.body, bodies.AddBody).vectors)
    done = service.add(request.path["name"], batch, request.until, request.expected, keys.key_of(request))
    return Reply(writes.Added(done.added, done.replaced, done.count), headers=http.etag(done.etag))


def patch(request: Request, service: Changes) -> Reply:
    body = bodies.decode(request.body, bodies.PatchBody)
    done = service.patch(
        request.path["name"],
        vectors.selection(body.ids, body.filter),
        vectors.patch(body),
        request.until,
        expected=request.expected,
        key=keys.key_of(request),
    )
    return Reply(writes.Patched(done.patched, done.count), headers=http.etag(done.etag))


ROUTES: dict[str, http.Route[Changes]] = {"POST /indexes/{name}/vectors": add, "PATCH /indexes/{name}/vectors": patch}

lambda_handler = parts.handler(http.handler(ROUTES, runtime.service), runtime.service)
