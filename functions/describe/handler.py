"""GET /indexes, one of them, the versions of one, or one of its vectors."""

from typing import Any

from vectord import runtime
from vectord.edge import consistency, http, listing, past
from vectord.edge.event import Request
from vectord.edge.http import Reply
from vectord.service import Reading


def list_indexes(request: Request, service: Reading) -> Reply:
    prefix, limit, after = listing.arguments(request.query)
    page = service.list(prefix, limit, after, request.until)
    indexes = [{"name": found.name, "bytes": found.size, "modified": found.modified} for found in page.objects]
    return Reply({"indexes": indexes, "next": listing.cursor(page.after)})


def describe(request: Request, service: Reading) -> Reply:
    found = service.describe(request.path["name"], request.until, past.as_of(request.query))
    answer: dict[str, Any] = {
        "index": found.params,
        "count": found.count,
        "bytes": found.size,
        "graph": {"bytes": found.graph_size},
        "calibration": found.curves,
    }
    if found.shards:
        answer["shards"] = [{"count": one.count, "bytes": one.size, "etag": one.etag} for one in found.shards]
    return http.unless_held(request, Reply(answer, headers=http.etag(found.etag)))


def versions(request: Request, service: Reading) -> Reply:
    name = request.path["name"]
    limit, after = past.page(name, request.query)
    page = service.versions(name, limit, after, request.until)
    return Reply(past.shown(name, page.versions, page.after))


def lookup(request: Request, service: Reading) -> Reply:
    found = service.lookup(request.path["name"], request.path["id"], request.until, consistency.of_query(request.query))
    answer = {"id": found.id, "vector": found.vector.tolist(), "metadata": found.metadata}
    return http.unless_held(request, Reply(answer, headers=http.etag(found.etag)))


ROUTES: dict[str, http.Route[Reading]] = {
    "GET /indexes": list_indexes,
    "GET /indexes/{name}": describe,
    "GET /indexes/{name}/versions": versions,
    "GET /indexes/{name}/vectors/{id+}": lookup,
}

lambda_handler = http.handler(ROUTES, runtime.reading)
