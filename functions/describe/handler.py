"""GET /indexes, one of them, the versions of one, or one of its vectors; and the document of the API."""

import msgspec

from vectord import runtime
from vectord.edge import consistency, http, listing, past, queries
from vectord.edge.answers import states
from vectord.edge.event import Request
from vectord.edge.http import Reply
from vectord.service import Reading


def list_indexes(request: Request, service: Reading) -> Reply:
    prefix, limit, after = listing.arguments(request.query)
    page = service.list(prefix, limit, after, request.until)
    indexes = [states.Listed(found.name, found.size, found.modified) for found in page.objects]
    return Reply(states.Listing(indexes, listing.cursor(page.after)))


def describe(request: Request, service: Reading) -> Reply:
    found = service.describe(request.path["name"], request.until, past.as_of(request.query))
    shards = [states.ShardState(one.count, one.size, one.etag) for one in found.shards]
    graph = states.Graph(found.graph_size)
    answer = states.Description(found.params, found.count, found.size, graph, found.curves, shards or msgspec.UNSET)
    return http.unless_held(request, Reply(answer, headers=http.etag(found.etag)))


def versions(request: Request, service: Reading) -> Reply:
    name = request.path["name"]
    limit, after = past.page(name, request.query)
    page = service.versions(name, limit, after, request.until)
    return Reply(past.shown(name, page.versions, page.after))


def lookup(request: Request, service: Reading) -> Reply:
    queries.check(request.query, queries.Lookup)
    found = service.lookup(request.path["name"], request.path["id"], request.until, consistency.of_query(request.query))
    answer = states.Looked(found.id, found.vector.tolist(), found.metadata)
    return http.unless_held(request, Reply(answer, headers=http.etag(found.etag)))


def openapi(_: Request, __: Reading) -> Reply:
    from vectord.edge.openapi import document  # noqa: PLC0415 - few ask for it

    return Reply(document())


ROUTES: dict[str, http.Route[Reading]] = {
    "GET /indexes": list_indexes,
    "GET /indexes/{name}": describe,
    "GET /indexes/{name}/versions": versions,
    "GET /indexes/{name}/vectors/{id+}": lookup,
    "GET /openapi.json": openapi,
}

lambda_handler = http.handler(ROUTES, runtime.reading)
