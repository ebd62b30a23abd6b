"""POST /indexes/{name}/search: find the nearest vectors; and POST .../warm: have an index here for the next ones."""

from vectord import runtime
from vectord.edge import bodies, http, parts, searching
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


def warm(request: Request, service: Reading) -> Reply:
    start = service.world.now()
    warmed = service.warm(request.path["name"], request.until)
    milliseconds = round((service.world.now() - start) * 1000, 3)
    shown = {"bytes": warmed.size, "bytes_read": warmed.read_bytes, "requests": warmed.requests}
    return Reply({**shown, "milliseconds": milliseconds}, headers={"ETag": warmed.etag})


ROUTES: dict[str, http.Route[Reading]] = {
    "POST /indexes/{name}/search": search,
    "POST /indexes/{name}/warm": warm,
}

lambda_handler = parts.handler(http.handler(ROUTES, runtime.reading), runtime.reading)
