"""Generate the OpenAPI document: schemas from the types, paths from the table of operations."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from http import HTTPStatus
from inspect import cleandoc
from typing import Annotated, Any, Final

import msgspec

from vectord import errors
from vectord.edge import problems
from vectord.edge.openapi.filters import FILTER_SCHEMAS
from vectord.edge.openapi.operations import OPERATIONS, Body, Operation
from vectord.edge.path_parameters import ID_PATTERN
from vectord.edge.problems import KINDS, TYPE_PREFIX, Problem
from vectord.edge.schemas import fields
from vectord.edge.schemas.change_answers import Change

Json = dict[str, Any]

_JSON: Final = "application/json"
_DESCRIPTION: Final = (
    "Serverless vector search: an index is one object in S3. The deployment decides who may call it: IAM (SigV4), JWT, "
    "or everyone. A path or method that is not in this document is answered by the components RouteNotFound and "
    "MethodNotAllowed. A request body may be compressed (Content-Encoding: gzip), and so is an answer of more than 1 "
    "KB if Accept-Encoding allows it. docs/api.md shows an example of each operation."
)
_ETAG: Final[Json] = {"description": "The state of the index that the answer describes.", "type": "string"}
_REQUEST_HEADERS: Final[dict[str, Json]] = {
    "If-Match": {
        "type": "string",
        "description": "Proceed only if the index has one of these ETags; * stands for any.",
        "examples": ['"0"'],
    },
    "If-None-Match": {
        "type": "string",
        "description": "Proceed only if the index has none of these ETags. Otherwise a read answers 304.",
        "examples": ['"0"'],
        "pattern": r'^(\*|(W/)?"[!#-~]*"(, (W/)?"[!#-~]*")*)$',
    },
    "Idempotency-Key": {
        "type": "string",
        "description": "If the same request is repeated with the same key, it is applied once.",
        "pattern": "^[!-~]{1,255}$",
    },
    "Prefer": {
        "type": "string",
        "description": "`respond-async` (RFC 7240): queue the change and answer 202. Ignored without a queue.",
        "examples": ["respond-async"],
    },
}
_QUEUED: Final[Json] = {
    "description": "Queued, because of `Prefer: respond-async`. The path in Location has the state.",
    "content": {_JSON: {"schema": fields.ref(Change.__name__)}},
    "headers": {
        "Location": {"schema": {"type": "string"}},
        "Preference-Applied": {"schema": {"const": "respond-async"}},
    },
}
_PATH_PARAMETERS: Final[dict[str, Json]] = {
    "name": {"type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$"},
    "id": {
        "type": "string",
        "minLength": 1,
        "pattern": ID_PATTERN,
        "description": "Percent-encoded, slashes too. An id that does not match the pattern is refused in a path: send "
        "it in a body, to `POST /indexes/{name}/vectors/get` or `/vectors/delete`.",
    },
    "token": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}


class SparseVector(msgspec.Struct, forbid_unknown_fields=True):
    """A sparse vector: distinct indices, and for each a value that is not 0."""

    indices: fields.Indices
    values: fields.Values


_EACH_SPARSE: Final = fields.ref("SparseVector")
_SPARSE: Final = fields.schema(
    description="A sparse vector, or an object with one for each of some declared names. It is stored in the metadata.",
    anyOf=[_EACH_SPARSE, {"type": "object", "additionalProperties": _EACH_SPARSE}, {"type": "null"}],
)


class NewVector(msgspec.Struct, forbid_unknown_fields=True):
    """One vector of a batch."""

    # The shape of vectord.readers.entry.VectorJson, which leaves the members as undecoded text.

    id: fields.Id
    vector: fields.Vector
    metadata: fields.Metadata = msgspec.field(default_factory=msgspec.Raw)
    sparse: Annotated[msgspec.Raw, _SPARSE] = msgspec.field(default_factory=msgspec.Raw)


@cache
def document() -> Json:
    """Return the OpenAPI document as JSON values."""
    paths: dict[str, Json] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "vectord", "version": "1", "description": _DESCRIPTION},
        "servers": [{"url": "./", "description": "The server of this document."}],
        "paths": paths,
        "components": {"schemas": _schemas(), "responses": _responses_without_a_route()},
    }


def _responses_without_a_route() -> Json:
    """Return the answers to a path that the API does not have, and to a method that a path does not have."""
    not_found, not_allowed = (KINDS[error] for error in (errors.RouteNotFound, errors.MethodNotAllowed))
    allow = {"Allow": {"schema": {"type": "string"}, "description": "The methods of the path."}}
    return {
        "RouteNotFound": _problem(not_found.status, [TYPE_PREFIX + not_found.slug]),
        "MethodNotAllowed": {**_problem(not_allowed.status, [TYPE_PREFIX + not_allowed.slug]), "headers": allow},
    }


def _schemas() -> Json:
    types = {kind for one in OPERATIONS for kind in (*one.answers, *([one.body] if one.body else ()))}
    ordered = sorted(types, key=lambda kind: kind.__name__)
    template = fields.ref("{name}")["$ref"]
    _, schemas = msgspec.json.schema_components([*ordered, Problem, NewVector, SparseVector], ref_template=template)
    for schema in schemas.values():
        schema.pop("title", None)
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])
    return dict(sorted({**schemas, **FILTER_SCHEMAS}.items()))


def _operation(operation: Operation) -> Json:
    result: Json = {
        "operationId": _operation_id(operation.title),
        "summary": operation.title,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation), *_header_parameters(operation)],
        "responses": {**_success_responses(operation), **_problem_responses(operation)},
    }
    if operation.body:
        content = {_JSON: {"schema": fields.ref(operation.body.__name__)}}
        result["requestBody"] = {"required": not operation.body_is_optional, "content": content}
    return result


def _operation_id(title: str) -> str:
    first, *others = title.split()
    return first.lower() + "".join(map(str.capitalize, others))


def _path_parameters(operation: Operation) -> Iterable[Json]:
    for name in re.findall(r"{(\w+)}", operation.path):
        yield {"name": name, "in": "path", "required": True, "schema": _PATH_PARAMETERS[name]}


def _header_parameters(operation: Operation) -> Iterable[Json]:
    for name in operation.headers:
        yield {"name": name, "in": "header", "required": False, "schema": _REQUEST_HEADERS[name]}


def _query_parameters(operation: Operation) -> Iterable[Json]:
    if operation.query is None:
        return
    [schema] = msgspec.json.schema_components([operation.query])[1].values()
    for name, declared in schema["properties"].items():
        parameter: Json = {"name": name, "in": "query", "required": name in schema.get("required", ())}
        if name == "filter":
            yield {**parameter, "content": {_JSON: {"schema": fields.ref(fields.FILTER)}}}
        elif declared.get("type") == "array":
            yield {**parameter, "style": "form", "explode": False, "schema": declared}
        else:
            yield {**parameter, "schema": _without_null(declared)}


def _without_null(schema: Json) -> Json:
    """Return the schema without null: a parameter of a query string is omitted instead."""
    if "anyOf" not in schema:
        return schema
    [kind] = [one for one in schema["anyOf"] if one != {"type": "null"}]
    return {**kind, **{name: value for name, value in schema.items() if name not in {"anyOf", "default"}}}


def _success_responses(operation: Operation) -> Json:
    answer: Json = {"description": HTTPStatus(operation.status).phrase}
    content = {_JSON: {"schema": _one_of(operation.answers)}} if operation.status != HTTPStatus.NO_CONTENT else {}
    content |= {media: {} for media in operation.media}
    if content:
        answer["content"] = content
    headers = {"ETag": {"schema": _ETAG}} if "{name}" in operation.path and "{token}" not in operation.path else {}
    if operation.status == HTTPStatus.CREATED:
        headers |= {"ETag": {"schema": _ETAG}, "Location": {"schema": {"type": "string"}}}
    if headers and content:
        answer["headers"] = headers
    responses = {str(operation.status): answer}
    if operation.may_be_queued:
        responses["202"] = _QUEUED
    if operation.headers == ("If-None-Match",):
        not_modified = "The index still has an ETag that If-None-Match lists."
        responses["304"] = {"description": not_modified, "headers": {"ETag": {"schema": _ETAG}}}
    return responses


def _one_of(kinds: Sequence[Body]) -> Json:
    if not kinds:
        return {"type": "object"}
    refs = [fields.ref(kind.__name__) for kind in kinds]
    return refs[0] if len(refs) == 1 else {"anyOf": refs}


def _problem_responses(operation: Operation) -> Json:
    by_status: dict[int, list[str]] = {}
    for error in operation.all_problems:
        kind = KINDS[error]
        by_status.setdefault(kind.status, []).append(TYPE_PREFIX + kind.slug)
    responses = {str(status): _problem(status, sorted(set(types))) for status, types in sorted(by_status.items())}
    if operation.query and "filter" in operation.query.__struct_fields__:
        responses["431"] = {"description": "The URL is too long for API Gateway: about 10 KB."}
    return responses


def _problem(status: int, types: Sequence[str]) -> Json:
    narrowed = {"properties": {"type": {"enum": list(types)}, "status": {"const": status}}}
    schema = {"allOf": [fields.ref(Problem.__name__), narrowed]}
    response: Json = {"description": HTTPStatus(status).phrase, "content": {problems.CONTENT_TYPE: {"schema": schema}}}
    if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        response["headers"] = {"Accept-Encoding": {"schema": {"const": "gzip"}}}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds."}}
    return response
