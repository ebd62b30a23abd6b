"""Operations on vector buckets: create, get, list and delete them, and change their default index mode."""

from collections.abc import Sequence
from functools import partial

from msgspec import structs

from vectord.edge.access import Grant, Rights
from vectord.edge.request import Request
from vectord.edge.route import Reply
from vectord.edge.s3vectors import management_shapes as shapes
from vectord.edge.s3vectors.configuration import AES256, check_encryption, index_mode
from vectord.edge.s3vectors.decoding import decode
from vectord.edge.s3vectors.endpoint import Endpoint, check_bucket_right
from vectord.edge.s3vectors.names import check_bucket_name
from vectord.edge.s3vectors.shapes import Answer, EmptyOutput
from vectord.edge.s3vectors.tags import check_tags
from vectord.edge.s3vectors.tokens import MAX_RESULTS, next_token, start_of_page
from vectord.edge.visible import visible
from vectord.service.buckets.values import Page, Summary, VectorBucket


def create_vector_bucket(request: Request, endpoint: Endpoint) -> Reply:
    body = decode(request.body, shapes.CreateVectorBucketInput)
    name = check_bucket_name(body.vector_bucket_name)
    check_bucket_right(request, "admin", name)
    check_encryption(body.encryption_configuration)
    tags = body.tags or {}
    check_tags(tags)
    endpoint.service.buckets.create(name, tags, request.deadline)
    return written(name, shapes.CreateVectorBucketOutput(vector_bucket_arn=endpoint.arns.bucket(name)))


def get_vector_bucket(request: Request, endpoint: Endpoint) -> Reply:
    name = endpoint.arns.bucket_name(decode(request.body, shapes.GetVectorBucketInput))
    check_bucket_right(request, "read", name)
    found = endpoint.service.buckets.get(name, request.deadline)
    shown = shapes.VectorBucket(
        vector_bucket_name=name,
        vector_bucket_arn=endpoint.arns.bucket(name),
        creation_time=found.created,
        encryption_configuration=AES256,
        default_index_mode=found.default_index_mode,
    )
    return Reply(shapes.GetVectorBucketOutput(vector_bucket=shown))


def list_vector_buckets(request: Request, endpoint: Endpoint) -> Reply:
    """List vector buckets by name; to a caller with rights, those on all of whose indexes it has the right `read`."""
    body = decode(request.body, shapes.ListVectorBucketsInput)
    prefix, bound_to = body.prefix or "", ["ListVectorBuckets", body.prefix or ""]
    limit, after = body.max_results or MAX_RESULTS, start_of_page(body.next_token, bound_to)
    buckets: Sequence[Summary]
    if request.rights is None:
        page = endpoint.service.buckets.list(prefix, limit, after, request.deadline)
        buckets, after = page.items, page.after
    else:
        list_names = partial(_full_page, request, endpoint)
        buckets, after = visible(list_names, _rights_on_buckets(request.rights), prefix, limit, after)
    shown = [
        shapes.VectorBucketSummary(
            vector_bucket_name=one.name, vector_bucket_arn=endpoint.arns.bucket(one.name), creation_time=one.created
        )
        for one in buckets
    ]
    return Reply(shapes.ListVectorBucketsOutput(vector_buckets=shown, next_token=next_token(after, bound_to)))


def delete_vector_bucket(request: Request, endpoint: Endpoint) -> Reply:
    name = endpoint.arns.bucket_name(decode(request.body, shapes.DeleteVectorBucketInput))
    check_bucket_right(request, "admin", name)
    endpoint.service.buckets.delete(name, request.deadline)
    return written(name, EmptyOutput())


def put_default_index_mode(request: Request, endpoint: Endpoint) -> Reply:
    body = decode(request.body, shapes.PutVectorBucketDefaultIndexModeInput)
    name, mode = endpoint.arns.bucket_name(body), index_mode(body.default_index_mode)
    check_bucket_right(request, "admin", name)

    def change(bucket: VectorBucket) -> VectorBucket:
        return structs.replace(bucket, default_index_mode=mode)

    endpoint.service.buckets.change(name, change, request.deadline)
    return written(name, EmptyOutput())


def written(name: str, answer: Answer) -> Reply:
    """Return the reply to a write to the vector bucket or the index `name`."""
    return Reply(answer, audit={"index": name})


def _full_page(request: Request, endpoint: Endpoint, prefix: str, limit: int, after: str | None) -> Sequence[Summary]:
    """Return `limit` buckets, fewer only at the end."""
    found: list[Summary] = []
    while True:
        endpoint.environment.check(request.deadline)
        page: Page = endpoint.service.buckets.list(prefix, limit - len(found), after, request.deadline)
        found += page.items
        after = page.after
        if after is None or len(found) == limit:
            return found


def _rights_on_buckets(rights: Rights) -> Rights:
    """Return rights as grants on names of vector buckets: those that cover every index of a bucket."""
    grants = []
    for grant in rights.grants:
        bucket, divider, rest = grant.name.partition("_")
        if grant.is_prefix and not rest:
            grants.append(Grant(grant.level, bucket, is_prefix=not divider))
    return Rights(tuple(grants))
