"""The document: components from types, paths from the table of operations."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import msgspec

from vectord.edge import problems
from vectord.edge.openapi.filters import FILTER_SCHEMAS
from vectord.edge.openapi.operations import OPERATIONS, Body, Operation
from vectord.edge.problems import KINDS, TYPE_PREFIX, Problem
from vectord.edge.schemas import fields

Json = dict[str, Any]

_JSON: Final = "application/json"
_ABOUT: Final = (
    "Vector search with no servers: an index is one object in S3. Who may call is up to the deployment: IAM (SigV4), "
    "JWT, or anybody. docs/api.md has each operation with an example."
)
_ETAG: Final[Json] = {"description": "Names the state of the index that the answer speaks of.", "type": "string"}
_REQUEST_HEADERS: Final[dict[str, Json]] = {
    "If-Match": {
        "type": "string",
        "description": "Go on only at one of these ETags, or at any (*).",
        "examples": ['"0"'],
    },
    "If-None-Match": {
        "type": "string",
        "description": "Go on only at none of these ETags; a read answers 304 otherwise.",
        "examples": ['"0"'],
        "pattern": r'^(\*|(W/)?"[!#-~]*"(, (W/)?"[!#-~]*")*)$',
    },
    "Idempotency-Key": {
        "type": "string",
        "description": "A repeat under it, of the same request, changes nothing.",
        "pattern": "^[!-~]{1,255}$",
    },
}
_PATH_PARAMETERS: Final[dict[str, Json]] = {
    "name": {"type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$"},
    "id": {"type": "string", "minLength": 1, "description": "Percent-encoded, but an id that holds a `?`."},
}


class NewVector(msgspec.Struct, forbid_unknown_fields=True):
    """One item of a batch: `vectord.readers.entry.VectorJson`, which leaves its members as text, with their shapes."""

    id: fields.Id
    vector: fields.Vector
    metadata: fields.Metadata = msgspec.field(default_factory=msgspec.Raw)


@cache
def document() -> Json:
    """Return the document, JSON values."""
    paths: dict[str, Json] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "vectord", "version": "1", "description": _ABOUT},
        "servers": [{"url": "./", "description": "What serves this document."}],
        "paths": paths,
        "components": {"schemas": _schemas()},
    }


def _schemas() -> Json:
    types = {kind for one in OPERATIONS for kind in (*one.answers, *([one.body] if one.body else ()))}
    ordered = sorted(types, key=lambda kind: kind.__name__)
    _, found = msgspec.json.schema_components([*ordered, Problem, NewVector], ref_template=fields.ref("{name}")["$ref"])
    for schema in found.values():
        schema.pop("title", None)
    return dict(sorted({**found, **FILTER_SCHEMAS}.items()))


def _operation(operation: Operation) -> Json:
    found: Json = {
        "operationId": _identifier(operation.title),
        "summary": operation.title,
        "parameters": [*_in_path(operation), *_in_query(operation), *_in_headers(operation)],
        "responses": {**_good(operation), **_bad(operation)},
    }
    if operation.body:
        content = {_JSON: {"schema": fields.ref(operation.body.__name__)}}
        found["requestBody"] = {"required": not operation.may_lack_body, "content": content}
    return found


def _identifier(title: str) -> str:
    first, *others = title.split()
    return first.lower() + "".join(map(str.capitalize, others))


def _in_path(operation: Operation) -> Iterable[Json]:
    for name in re.findall(r"{(\w+)}", operation.path):
        yield {"name": name, "in": "path", "required": True, "schema": _PATH_PARAMETERS[name]}


def _in_headers(operation: Operation) -> Iterable[Json]:
    for name in operation.headers:
        yield {"name": name, "in": "header", "required": False, "schema": _REQUEST_HEADERS[name]}


def _in_query(operation: Operation) -> Iterable[Json]:
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
    """Return the schema of a parameter, which is left out where a body could say null."""
    if "anyOf" not in schema:
        return schema
    [kind] = [one for one in schema["anyOf"] if one != {"type": "null"}]
    return {**kind, **{name: value for name, value in schema.items() if name not in {"anyOf", "default"}}}


def _good(operation: Operation) -> Json:
    answer: Json = {"description": HTTPStatus(operation.status).phrase}
    content = {_JSON: {"schema": _one_of(operation.answers)}} if operation.status != HTTPStatus.NO_CONTENT else {}
    content |= {media: {} for media in operation.media}
    if content:
        answer["content"] = content
    headers = {"ETag": {"schema": _ETAG}} if "{name}" in operation.path else {}
    if operation.status == HTTPStatus.CREATED:
        headers |= {"ETag": {"schema": _ETAG}, "Location": {"schema": {"type": "string"}}}
    if headers and content:
        answer["headers"] = headers
    found = {str(operation.status): answer}
    if operation.headers == ("If-None-Match",):
        found["304"] = {"description": "The caller has it.", "headers": {"ETag": {"schema": _ETAG}}}
    return found


def _one_of(kinds: Sequence[Body]) -> Json:
    if not kinds:
        return {"type": "object"}
    refs = [fields.ref(kind.__name__) for kind in kinds]
    return refs[0] if len(refs) == 1 else {"anyOf": refs}


def _bad(operation: Operation) -> Json:
    by_status: dict[int, list[str]] = {}
    for error in operation.told:
        kind = KINDS[error]
        by_status.setdefault(kind.status, []).append(TYPE_PREFIX + kind.slug)
    found = {str(status): _problem(status, sorted(set(types))) for status, types in sorted(by_status.items())}
    if operation.query and "filter" in operation.query.__struct_fields__:
        found["431"] = {"description": "The URL is longer than the gateway takes, some 10 KB."}
    return found


def _problem(status: int, types: Sequence[str]) -> Json:
    told = {"properties": {"type": {"enum": list(types)}, "status": {"const": status}}}
    schema = {"allOf": [fields.ref(Problem.__name__), told]}
    found: Json = {"description": HTTPStatus(status).phrase, "content": {problems.CONTENT_TYPE: {"schema": schema}}}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        found["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds."}}
    return found
