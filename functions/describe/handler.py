"""List and describe indexes, list versions, look up a vector or a queued change, and return the OpenAPI document.

The API sends every request without a route of its own to this function, which says why there is none.
"""

from datetime import UTC, datetime
from functools import partial
from typing import Final

import msgspec

from vectord.edge import handler, pagination
from vectord.edge import routes as edge_routes
from vectord.edge import versions as edge_versions
from vectord.edge.openapi.operations import OPERATIONS
from vectord.edge.request import Request, read_options_in
from vectord.edge.route import Deferred, Reply, Route
from vectord.edge.s3vectors import unmatched
from vectord.edge.schemas import index_answers, queries, vector_answers
from vectord.edge.visible import visible_indexes
from vectord.runtime import api
from vectord.runtime.settings import access_claim
from vectord.service.service import Service
from vectord.service.values.options import ReadOptions
from vectord.service.values.results import Build

ONE_MEMBER: Final = (
    "Accept gzip, set 'vector_encoding' to 'base64', or read a part of the vector: POST /indexes/{name}/vectors/get "
    "with 'include' set to 'metadata' or to 'vector'."
)


def list_indexes(request: Request, service: Service) -> Reply:
    prefix, limit, after = pagination.read_index_page(request.query)
    if request.rights is None:
        page = service.list_indexes(prefix, limit, after, request.deadline)
    else:
        list_page = partial(service.list_indexes, deadline=request.deadline)
        page = visible_indexes(list_page, request.rights, prefix, limit, after)
    indexes = [index_answers.Listed(found.name, found.size, found.modified) for found in page.objects]
    return Reply(index_answers.Listing(indexes, pagination.index_cursor(prefix, page.after)))


def describe(request: Request, service: Service) -> Reply:
    found = service.describe(
        request.path["name"], request.deadline, ReadOptions(as_of=edge_versions.as_of(request.query))
    )
    shards = [index_answers.ShardState(one.count, one.size, one.etag) for one in found.shards]
    graph = index_answers.Graph(found.graph_size)
    answer = index_answers.Description(
        index_answers.params_of(found),
        found.count,
        found.size,
        graph,
        found.curves,
        shards or msgspec.UNSET,
        _build(found.build),
    )
    return handler.reply_or_not_modified(request, Reply(answer, headers=handler.etag_header(found.etag)))


def _build(found: Build | None) -> index_answers.Build | msgspec.UnsetType:
    if found is None:
        return msgspec.UNSET
    return index_answers.Build(datetime.fromtimestamp(int(found.since), UTC), found.stage)


def versions(request: Request, service: Service) -> Reply:
    name = request.path["name"]
    limit, after = edge_versions.read_version_page(name, request.query)
    page = service.versions.list(name, limit, after, request.deadline)
    gaps = service.versions.gaps(name, request.deadline)
    return Reply(edge_versions.version_page(name, page, after, gaps))


def lookup(request: Request, service: Service) -> Reply:
    queries.check(request.query, queries.Lookup)
    name, vector_id = request.path["name"], request.path["id"]
    encoding = queries.read_vector_encoding(request.query)
    found = service.lookup(name, vector_id, request.deadline, read_options_in(request.query))
    vector = vector_answers.vector_value(found.vector, encoding)
    answer = vector_answers.Looked(found.id, vector, found.metadata)
    reply = Reply(answer, headers=handler.etag_header(found.etag), to_shorten=ONE_MEMBER)
    return handler.reply_or_not_modified(request, reply)


def openapi(_: Request, __: Service) -> Reply:
    from vectord.edge.openapi.document import document  # noqa: PLC0415 - rarely requested

    return Reply(document())


def refuse(request: Request, _: Service) -> Reply:
    if reply := unmatched.reply(request.event, _all_routes()):
        return reply
    raise edge_routes.refusal(request.event, _all_routes())


def options(request: Request, _: Service) -> Reply:
    paths = edge_routes.paths_of(request.event)
    known = [*_all_routes(), *unmatched.ROUTES]
    methods = {method for path in paths for method in edge_routes.allowed_methods(path, known)}
    return Reply(status=204, headers={"Allow": ", ".join(sorted(methods | {"OPTIONS"}))})


def _all_routes() -> list[str]:
    return [operation.route for operation in OPERATIONS]


ROUTES: dict[str, Route[Service]] = {
    "GET /indexes": Route(list_indexes, None),
    "GET /indexes/{name}": Route(describe, "read"),
    "GET /indexes/{name}/versions": Route(versions, "read"),
    "GET /indexes/{name}/vectors/{id+}": Route(lookup, "read"),
    "GET /indexes/{name}/changes/{token}": Route(Deferred("vectord.edge.queued", "change"), "read"),
    "GET /openapi.json": Route(openapi, None),
    edge_routes.PREFLIGHT: Route(options, None),
    edge_routes.DEFAULT: Route(refuse, None),
}

lambda_handler = handler.handler(ROUTES, api.service, access_claim)
