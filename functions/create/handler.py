"""POST /indexes and PUT /indexes/{name}: create an index; .../restore and .../copy: make one from a stored state."""

import msgspec

from vectord.edge import handler
from vectord.edge.request import Request
from vectord.edge.route import Reply, Route
from vectord.edge.schemas import index_answers, queries
from vectord.edge.schemas.bodies import CopyBody, CreateBody, EmbeddingBody, PutIndexBody, RestoreBody, decode
from vectord.edge.schemas.fields import texts_of
from vectord.errors import RequestInvalid
from vectord.lhv1.params import Embedding
from vectord.lhv1.text_fields import TextFields
from vectord.readers.repeated import repeated_anywhere
from vectord.runtime import api
from vectord.runtime.settings import access_claim
from vectord.service.service import Service
from vectord.service.values.options import NewIndex, WriteOptions
from vectord.service.values.results import Description
from vectord.service.values.text_fields import joined


def create(request: Request, service: Service) -> Reply:
    body = _decode(request, CreateBody)
    request.check_right("admin", body.name)
    return _create(body.name, body, request, service)


def put(request: Request, service: Service) -> Reply:
    queries.check(request.query, queries.NoParameters)
    name, body = request.path["name"], _decode(request, PutIndexBody)
    if body.name not in (None, name):
        raise RequestInvalid(f"name must be absent or {name!r}, as in the path, not {body.name!r}.")
    return _create(name, body, request, service)


def _decode[B: PutIndexBody](request: Request, kind: type[B]) -> B:
    body = decode(request.body, kind)
    if repeated := repeated_anywhere(request.body.decode(), msgspec.json.decode(request.body)):
        raise RequestInvalid(f"The body has the field {repeated!r} more than once. Send it once.")
    return body


def _embedding(body: EmbeddingBody | None) -> Embedding | None:
    return Embedding(body.model, body.query_prefix, body.document_prefix) if body else None


def _fields(body: PutIndexBody) -> TextFields | None:
    """Return the fields of texts and of sparse vectors that a body declares, None if it declares none."""
    if body.sparse is not None and not body.sparse:
        raise RequestInvalid("sparse must have 1 to 4 names, not 0; leave it out to declare none.")
    if body.text is not None and not body.text:
        raise RequestInvalid("text must have 1 to 16 fields, not 0; leave it out to declare none.")
    texts = None if body.text is None else texts_of(body.text)
    return joined(texts or {}, body.sparse) if body.sparse else texts


def _create(name: str, body: PutIndexBody, request: Request, service: Service) -> Reply:
    new = NewIndex(
        name,
        body.dimension,
        body.m or 0,
        body.ef_search or 0,
        body.distance or "",
        1 if body.shards is None else body.shards,
        _embedding(body.embedding),
        _fields(body),
    )
    return _created(service.create(new, request.deadline, WriteOptions(request.preconditions)))


def restore(request: Request, service: Service) -> Reply:
    body = decode(request.body, RestoreBody)
    restored = service.lifecycle.history.restore(
        request.path["name"], body.as_of, request.deadline, WriteOptions(request.preconditions)
    )
    answer = index_answers.Made(index_answers.params_of(restored), restored.count)
    return Reply(answer, headers={"ETag": restored.etag}, audit={"rows": restored.count})


def copy(request: Request, service: Service) -> Reply:
    body = decode(request.body, CopyBody)
    request.check_right("admin", body.to)
    return _created(service.lifecycle.history.copy(request.path["name"], body.to, request.deadline, body.as_of))


def _created(index: Description) -> Reply:
    headers = {"ETag": index.etag, "Location": f"/indexes/{index.params.name}"}
    answer = index_answers.Made(index_answers.params_of(index), index.count)
    return Reply(answer, 201, headers, audit={"rows": index.count})


ROUTES: dict[str, Route[Service]] = {
    "POST /indexes": Route(create, None, "create-index"),  # checks the name in its body
    "PUT /indexes/{name}": Route(put, "admin", "create-index"),
    "POST /indexes/{name}/restore": Route(restore, "admin", "restore-version"),
    "POST /indexes/{name}/copy": Route(copy, "read", "copy-index"),  # also checks the index that it creates
}

lambda_handler = handler.handler(ROUTES, api.service, access_claim)
