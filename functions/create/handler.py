"""POST /indexes: create an index; POST /indexes/{name}/restore and .../copy: make one of a state that is stored."""

from vectord.edge import handler
from vectord.edge.handler import Reply
from vectord.edge.request import Request
from vectord.edge.schemas import index_answers
from vectord.edge.schemas.bodies import CopyBody, CreateBody, RestoreBody, decode
from vectord.runtime import api
from vectord.service.results import Description
from vectord.service.service import UseCases


def create(request: Request, service: UseCases) -> Reply:
    body = decode(request.body, CreateBody)
    made = service.create(
        body.name,
        body.dimension,
        m=body.m or 0,
        ef_search=body.ef_search or 0,
        distance=body.distance or "",
        shards=1 if body.shards is None else body.shards,
        until=request.until,
        expected=request.preconditions,
    )
    return _created(made)


def restore(request: Request, service: UseCases) -> Reply:
    body = decode(request.body, RestoreBody)
    made = service.restore(request.path["name"], body.as_of, request.until, request.preconditions)
    return Reply(index_answers.Made(made.params, made.count), headers={"ETag": made.etag})


def copy(request: Request, service: UseCases) -> Reply:
    body = decode(request.body, CopyBody)
    return _created(service.copy(request.path["name"], body.to, request.until, body.as_of))


def _created(made: Description) -> Reply:
    headers = {"ETag": made.etag, "Location": f"/indexes/{made.params.name}"}
    return Reply(index_answers.Made(made.params, made.count), 201, headers)


ROUTES: dict[str, handler.Route[UseCases]] = {
    "POST /indexes": create,
    "POST /indexes/{name}/restore": restore,
    "POST /indexes/{name}/copy": copy,
}

lambda_handler = handler.handler(ROUTES, api.service)
