"""POST /indexes: create an index."""

from vectord import runtime
from vectord.edge import http
from vectord.edge.bodies import CreateBody, decode
from vectord.edge.event import Request
from vectord.edge.http import Reply
from vectord.service.lifetimes import Lifetimes


def create(request: Request, service: Lifetimes) -> Reply:
    body = decode(request.body, CreateBody)
    made = service.create(
        body.name,
        body.dimension,
        m=body.m or 0,
        ef_search=body.ef_search or 0,
        distance=body.distance or "",
        shards=1 if body.shards is None else body.shards,
        until=request.until,
        expected=request.conditions,
    )
    headers = {"ETag": made.etag, "Location": f"/indexes/{made.params.name}"}
    return Reply({"index": made.params, "count": made.count}, 201, headers)


ROUTES: dict[str, http.Route[Lifetimes]] = {"POST /indexes": create}

lambda_handler = http.handler(ROUTES, runtime.service)
