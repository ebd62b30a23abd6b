"""POST /indexes/{name}/search: find the nearest vectors; and the other reads of many vectors."""

from vectord.edge import handler, vectors
from vectord.edge import search as edge_search
from vectord.edge.events import fan_out
from vectord.edge.handler import Reply
from vectord.edge.request import Request
from vectord.edge.schemas import bodies, vector_answers
from vectord.edge.schemas import consistency as freshness
from vectord.runtime import api
from vectord.service.reading import Reading


def search(request: Request, service: Reading) -> Reply:
    start = service.environment.now()
    body = bodies.decode(request.body, bodies.SearchBody)
    found = edge_search.found(request, body, service)
    milliseconds = (service.environment.now() - start) * 1000
    shown = edge_search.shown(request.path["name"], body, found, milliseconds)
    return handler.unless_held(request, Reply(shown, headers={"ETag": found.etag}))


def recall(request: Request, service: Reading) -> Reply:
    found = edge_search.recalled(request, service.recalls)
    return handler.unless_held(request, Reply(edge_search.shown_recall(found), headers={"ETag": found.etag}))


def warm(request: Request, service: Reading) -> Reply:
    start = service.environment.now()
    warmed = service.warm(request.path["name"], request.until)
    milliseconds = round((service.environment.now() - start) * 1000, 3)
    shown = vector_answers.Warmed(warmed.size, warmed.read_bytes, warmed.requests, milliseconds)
    return Reply(shown, headers={"ETag": warmed.etag})


def get_vectors(request: Request, service: Reading) -> Reply:
    body = bodies.decode(request.body, bodies.GetBody)
    staleness = freshness.staleness(body.consistency, body.max_staleness)
    found = service.get(request.path["name"], bodies.ids(body.ids), request.until, staleness)
    answer = vector_answers.Gotten(vectors.shown(found.vectors, body.include), found.missing)
    return handler.unless_held(request, Reply(answer, headers=handler.etag(found.etag)))


def list_vectors(request: Request, service: Reading) -> Reply:
    name, staleness = request.path["name"], freshness.staleness_in(request.query)
    asked = vectors.listing(name, request.query)
    page = service.page(name, asked.wanted, request.until, shard=asked.shard, staleness=staleness)
    answer = vector_answers.Page(vectors.shown(page.vectors, asked.include), asked.cursor(page))
    return handler.unless_held(request, Reply(answer, headers=handler.etag(page.etag)))


def count_vectors(request: Request, service: Reading) -> Reply:
    body = bodies.decode(request.body or b"{}", bodies.CountBody)
    staleness = freshness.staleness(body.consistency, body.max_staleness)
    counted = service.count(request.path["name"], vectors.text_of(body.filter), request.until, staleness)
    return handler.unless_held(
        request, Reply(vector_answers.Counted(counted.count), headers=handler.etag(counted.etag))
    )


ROUTES: dict[str, handler.Route[Reading]] = {
    "POST /indexes/{name}/search": search,
    "POST /indexes/{name}/recall": recall,
    "POST /indexes/{name}/warm": warm,
    "POST /indexes/{name}/vectors/get": get_vectors,
    "GET /indexes/{name}/vectors": list_vectors,
    "POST /indexes/{name}/vectors/count": count_vectors,
}

lambda_handler = fan_out.handler(handler.handler(ROUTES, api.reading), api.reading)
