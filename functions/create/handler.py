"""POST /indexes: create an index; POST /indexes/{name}/restore and .../copy: make an index from a stored state."""

from vectord.edge import handler
from vectord.edge.handler import Reply
from vectord.edge.request import Request
from vectord.edge.schemas import index_answers
from vectord.edge.schemas.bodies import CopyBody, CreateBody, RestoreBody, decode
from vectord.runtime import api
from vectord.service.lifecycle import NewIndex
from vectord.service.service import Service
from vectord.service.values.options import WriteOptions
from vectord.service.values.results import Description


def create(request: Request, service: Service) -> Reply:
    body = decode(request.body, CreateBody)
    new = NewIndex(
        body.name,
        body.dimension,
        body.m or 0,
        body.ef_search or 0,
        body.distance or "",
        1 if body.shards is None else body.shards,
    )
    return _created(service.create(new, request.deadline, WriteOptions(request.preconditions)))


def restore(request: Request, service: Service) -> Reply:
    body = decode(request.body, RestoreBody)
    restored = service.history.restore(
        request.path["name"], body.as_of, request.deadline, WriteOptions(request.preconditions)
    )
    return Reply(index_answers.Made(restored.params, restored.count), headers={"ETag": restored.etag})


def copy(request: Request, service: Service) -> Reply:
    body = decode(request.body, CopyBody)
    return _created(service.history.copy(request.path["name"], body.to, request.deadline, body.as_of))


def _created(index: Description) -> Reply:
    headers = {"ETag": index.etag, "Location": f"/indexes/{index.params.name}"}
    return Reply(index_answers.Made(index.params, index.count), 201, headers)


ROUTES: dict[str, handler.Route[Service]] = {
    "POST /indexes": create,
    "POST /indexes/{name}/restore": restore,
    "POST /indexes/{name}/copy": copy,
}

lambda_handler = handler.handler(ROUTES, api.service)
