"""POST /indexes/{name}/search: find the nearest vectors; and the other reads of many vectors."""

from vectord import runtime
from vectord.edge import bodies, http, parts, searching, vectors
from vectord.edge import consistency as freshness
from vectord.edge.answers import reads
from vectord.edge.event import Request
from vectord.edge.http import Reply
from vectord.service import Reading


def search(request: Request, service: Reading) -> Reply:
    start = service.world.now()
    body = bodies.decode(request.body, bodies.SearchBody)
    found = searching.found(request, body, service)
    milliseconds = (service.world.now() - start) * 1000
    shown = searching.shown(request.path["name"], body, found, milliseconds)
    return http.unless_held(request, Reply(shown, headers={"ETag": found.etag}))


def recall(request: Request, service: Reading) -> Reply:
    found = searching.recalled(request, service.recalls)
    return http.unless_held(request, Reply(searching.shown_recall(found), headers={"ETag": found.etag}))


def warm(request: Request, service: Reading) -> Reply:
    start = service.world.now()
    warmed = service.warm(request.path["name"], request.until)
    milliseconds = round((service.world.now() - start) * 1000, 3)
    shown = reads.Warmed(warmed.size, warmed.read_bytes, warmed.requests, milliseconds)
    return Reply(shown, headers={"ETag": warmed.etag})


def get_vectors(request: Request, service: Reading) -> Reply:
    body = bodies.decode(request.body, bodies.GetBody)
    staleness = freshness.staleness(body.consistency, body.max_staleness)
    found = service.get(request.path["name"], bodies.ids(body.ids), request.until, staleness)
    answer = reads.Gotten(vectors.shown(found.vectors, body.include), found.missing)
    return http.unless_held(request, Reply(answer, headers=http.etag(found.etag)))


def list_vectors(request: Request, service: Reading) -> Reply:
    name, staleness = request.path["name"], freshness.of_query(request.query)
    asked = vectors.listing(name, request.query)
    page = service.page(name, asked.wanted, request.until, shard=asked.shard, staleness=staleness)
    answer = reads.Page(vectors.shown(page.vectors, asked.include), asked.cursor(page))
    return http.unless_held(request, Reply(answer, headers=http.etag(page.etag)))


def count_vectors(request: Request, service: Reading) -> Reply:
    body = bodies.decode(request.body or b"{}", bodies.CountBody)
    staleness = freshness.staleness(body.consistency, body.max_staleness)
    counted = service.count(request.path["name"], vectors.text_of(body.filter), request.until, staleness)
    return http.unless_held(request, Reply(reads.Counted(counted.count), headers=http.etag(counted.etag)))


ROUTES: dict[str, http.Route[Reading]] = {
    "POST /indexes/{name}/search": search,
    "POST /indexes/{name}/recall": recall,
    "POST /indexes/{name}/warm": warm,
    "POST /indexes/{name}/vectors/get": get_vectors,
    "GET /indexes/{name}/vectors": list_vectors,
    "POST /indexes/{name}/vectors/count": count_vectors,
}

lambda_handler = parts.handler(http.handler(ROUTES, runtime.reading), runtime.reading)
