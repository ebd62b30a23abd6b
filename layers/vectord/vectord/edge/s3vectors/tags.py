"""Operations on the tags of vector buckets and indexes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from unicodedata import category
from urllib.parse import parse_qsl, unquote

from msgspec import structs

from vectord.edge import path_parameters
from vectord.edge.access import Right
from vectord.edge.request import Request
from vectord.edge.route import Reply
from vectord.edge.s3vectors import management_shapes as shapes
from vectord.edge.s3vectors.decoding import decode
from vectord.edge.s3vectors.endpoint import Endpoint, check_bucket_right, check_index_right
from vectord.edge.s3vectors.faults import FieldError, ShapeInvalid
from vectord.edge.s3vectors.names import IndexName, Resource
from vectord.edge.s3vectors.shapes import EmptyOutput
from vectord.errors import RequestInvalid
from vectord.lhv1.bucket_index import MAX_TAG_KEY, MAX_TAGS, BucketIndex
from vectord.service.buckets.values import VectorBucket

_CLASSES: Final = "LZN"  # letters, separators and numbers of Unicode
_SIGNS: Final = "_.:/=+-@"
_PATTERN: Final = r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)"
_RESERVED: Final = "aws:"

type Tags = dict[str, str]
type ChangeTags = Callable[[Tags], Tags]


def list_tags(request: Request, endpoint: Endpoint) -> Reply:
    resource = _resource(request, endpoint, "read", [])
    buckets = endpoint.service.buckets
    if resource.index is None:
        tags = buckets.get(resource.bucket, request.deadline).tags
    else:
        tags = buckets.describe_index(resource.bucket, resource.index, request.deadline).stored.tags
    return Reply(shapes.ListTagsForResourceOutput(tags=tags))


def tag_resource(request: Request, endpoint: Endpoint) -> Reply:
    resource = _resource(request, endpoint, "admin", [])
    tags = decode(request.body, shapes.TagResourceInput).tags
    check_tags(tags)

    def change(present: Tags) -> Tags:
        changed = {**present, **tags}
        _check_count(changed)
        return changed

    return _changed(request, endpoint, resource, change)


def untag_resource(request: Request, endpoint: Endpoint) -> Reply:
    resource = _resource(request, endpoint, "admin", ["tagKeys"])
    keys = set(_tag_keys(request))
    return _changed(
        request, endpoint, resource, lambda present: {key: value for key, value in present.items() if key not in keys}
    )


def check_tags(tags: Mapping[str, str]) -> None:
    """Check the tags of a request, whose lengths are those of the model.

    Raises:
        ShapeInvalid: a key or a value has a character that tags do not have.
        RequestInvalid: there are too many, or a key is one of AWS's own.
    """
    fields = [_pattern_error("/tags") for key in tags if not _has_valid_characters(key)]
    fields += [_pattern_error(f"/tags/{key}") for key, value in tags.items() if not _has_valid_characters(value)]
    if fields:
        raise ShapeInvalid(fields)
    if any(key.casefold().startswith(_RESERVED) for key in tags):
        raise RequestInvalid("A tag's key must not begin with aws:, which is reserved")
    _check_count(tags)


def _check_count(tags: Mapping[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise RequestInvalid(f"A resource can have at most {MAX_TAGS} tags, and would have {len(tags):,}")


def _has_valid_characters(text: str) -> bool:
    return all(character in _SIGNS or category(character)[0] in _CLASSES for character in text)


def _pattern_error(path: str) -> FieldError:
    reason = f"Member must satisfy regular expression pattern: {_PATTERN}"
    return FieldError(path, f"Value at '{path}' failed to satisfy constraint: {reason}")


def _tag_keys(request: Request) -> Sequence[str]:
    """Return the `tagKeys` of a query string. API Gateway joins several values by commas, which no tag has."""
    raw = request.event.get("rawQueryString")
    named = parse_qsl(raw, keep_blank_values=True) if raw else []
    keys = [value for name, value in named if name == "tagKeys"]
    keys = keys or [key for key in request.query.get("tagKeys", "").split(",") if key]
    fields = [
        FieldError(
            path,
            f"Value with length {len(key)} at '{path}' failed to satisfy constraint: Member must have length between 1 "
            f"and {MAX_TAG_KEY}, inclusive",
        )
        if not 1 <= len(key) <= MAX_TAG_KEY
        else _pattern_error(path)
        for path, key in ((f"/tagKeys/{position}", key) for position, key in enumerate(keys))
        if not (1 <= len(key) <= MAX_TAG_KEY and _has_valid_characters(key))
    ]
    if not keys:
        fields = [FieldError("/tagKeys", "Value at '/tagKeys' failed to satisfy constraint: Member must not be null")]
    if fields:
        raise ShapeInvalid(fields)
    return keys


def _resource(request: Request, endpoint: Endpoint, right: Right, parameters: Sequence[str]) -> Resource:
    """Return what the ARN in the path names; check the caller's right on it, and the names in the query string."""
    if unknown := sorted(request.query.keys() - set(parameters)):
        raise RequestInvalid(f"There is no parameter {unknown[0][:99]!r} in a query string of this operation")
    resource = endpoint.arns.resource(_arn(request))
    if resource.index is None:
        check_bucket_right(request, right, resource.bucket)
    else:
        check_index_right(request, right, IndexName(resource.bucket, resource.index))
    return resource


def _arn(request: Request) -> str:
    """Return the ARN in the path.

    SDKs encode its `:` and `/`. A gateway may decode the path, its parameter, both or none (decision 82). An ARN has no
    character that decoding could change, so decoding both leads to the same text, unless one of them was cut.

    Raises:
        RequestInvalid: the path differs from the parameter.
    """
    context = request.event.get("requestContext") or {}
    paths = (request.event.get("rawPath"), (context.get("http") or {}).get("path"))
    arn = unquote(request.path["resourceArn"])
    for path in (unquote(path) for path in paths if path):
        if not path_parameters.is_same(path, f"/tags/{arn}", context.get("stage")):
            raise RequestInvalid(
                f"The path is {path!r}, but its ARN arrived as {arn!r}. Send an ARN without '?' or '#'."
            )
    return arn


def _changed(request: Request, endpoint: Endpoint, resource: Resource, change: ChangeTags) -> Reply:
    buckets, name = endpoint.service.buckets, resource.bucket
    if resource.index is None:

        def of_bucket(bucket: VectorBucket) -> VectorBucket:
            return structs.replace(bucket, tags=change(bucket.tags))

        buckets.change(resource.bucket, of_bucket, request.deadline)
    else:

        def of_index(stored: BucketIndex) -> BucketIndex:
            return structs.replace(stored, tags=change(stored.tags))

        buckets.change_index(resource.bucket, resource.index, of_index, request.deadline)
        name = IndexName(resource.bucket, resource.index).native
    return Reply(EmptyOutput(), audit={"index": name})
