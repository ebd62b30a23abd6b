"""Operations on the indexes of vector buckets as a whole."""

from msgspec import structs

from vectord.edge.request import Request
from vectord.edge.route import Reply
from vectord.edge.s3vectors import management_shapes as shapes
from vectord.edge.s3vectors.buckets import written
from vectord.edge.s3vectors.configuration import (
    AES256,
    check_encryption,
    index_mode,
    metadata_configuration,
    new_text_fields,
    non_filterable_keys,
)
from vectord.edge.s3vectors.decoding import decode
from vectord.edge.s3vectors.endpoint import Endpoint, check_bucket_right, check_index_right
from vectord.edge.s3vectors.names import IndexName, check_index_name
from vectord.edge.s3vectors.shapes import EmptyOutput
from vectord.edge.s3vectors.tags import check_tags
from vectord.edge.s3vectors.text_configuration import with_added, without_deleted
from vectord.edge.s3vectors.tokens import MAX_RESULTS, next_token, start_of_page
from vectord.errors import RequestInvalid
from vectord.lhv1.bucket_index import BucketIndex
from vectord.lhv1.text_fields import TextFields
from vectord.service.buckets.values import NewBucketIndex


def create_index(request: Request, endpoint: Endpoint) -> Reply:
    body = decode(request.body, shapes.CreateIndexInput)
    name = IndexName(endpoint.arns.bucket_name(body), check_index_name(body.index_name))
    check_index_right(request, "admin", name)
    check_encryption(body.encryption_configuration)
    tags, keys = body.tags or {}, non_filterable_keys(body.metadata_configuration)
    check_tags(tags)
    text = new_text_fields(body.metadata_configuration)
    new = NewBucketIndex(name.index, body.dimension, body.distance_metric, keys, tags, text)
    endpoint.service.buckets.create_index(name.bucket, new, request.deadline)
    return written(name.native, shapes.CreateIndexOutput(index_arn=endpoint.arns.index(name)))


def get_index(request: Request, endpoint: Endpoint) -> Reply:
    name = endpoint.index(request, decode(request.body, shapes.GetIndexInput), "read")
    found = endpoint.service.buckets.describe_index(name.bucket, name.index, request.deadline)
    shown = shapes.Index(
        vector_bucket_name=name.bucket,
        index_name=name.index,
        index_arn=endpoint.arns.index(name),
        creation_time=found.stored.created,
        data_type="float32",
        dimension=found.params.dimension,
        distance_metric=found.params.distance,
        metadata_configuration=metadata_configuration(found),
        encryption_configuration=AES256,
        index_mode=found.stored.mode,
    )
    return Reply(shapes.GetIndexOutput(index=shown))


def list_indexes(request: Request, endpoint: Endpoint) -> Reply:
    body = decode(request.body, shapes.ListIndexesInput)
    bucket, prefix = endpoint.arns.bucket_name(body), body.prefix or ""
    check_bucket_right(request, "read", bucket)
    bound_to = ["ListIndexes", bucket, prefix]
    limit, after = body.max_results or MAX_RESULTS, start_of_page(body.next_token, bound_to)
    page = endpoint.service.buckets.list_indexes(bucket, prefix, limit, after, request.deadline)
    shown = [
        shapes.IndexSummary(
            vector_bucket_name=bucket,
            index_name=one.name,
            index_arn=endpoint.arns.index(IndexName(bucket, one.name)),
            creation_time=one.created,
        )
        for one in page.items
    ]
    return Reply(shapes.ListIndexesOutput(indexes=shown, next_token=next_token(page.after, bound_to)))


def delete_index(request: Request, endpoint: Endpoint) -> Reply:
    name = endpoint.index(request, decode(request.body, shapes.DeleteIndexInput), "admin")
    endpoint.service.buckets.delete_index(name.bucket, name.index, request.deadline)
    return written(name.native, EmptyOutput())


def update_index_mode(request: Request, endpoint: Endpoint) -> Reply:
    body = decode(request.body, shapes.UpdateIndexModeInput)
    name, mode = endpoint.index(request, body, "admin"), index_mode(body.index_mode)

    def change(stored: BucketIndex) -> BucketIndex:
        return structs.replace(stored, mode=mode)

    endpoint.service.buckets.change_index(name.bucket, name.index, change, request.deadline)
    return written(name.native, EmptyOutput())


def update_metadata_configuration(request: Request, endpoint: Endpoint) -> Reply:
    """Add or delete text search configurations; the index builds those that are new."""
    body = decode(request.body, shapes.UpdateMetadataConfigurationInput)
    name, added, deleted = endpoint.index(request, body, "admin"), body.add, body.delete
    if (added is None) == (deleted is None):
        raise RequestInvalid("Must specify either add or delete but not both")

    def change(stored: BucketIndex, present: TextFields) -> TextFields:
        if added is not None:
            return with_added(stored, present, added)
        assert deleted is not None
        return without_deleted(stored, present, deleted)

    endpoint.service.buckets.change_text(name.bucket, name.index, change, request.deadline)
    return written(name.native, shapes.UpdateMetadataConfigurationOutput(index_arn=endpoint.arns.index(name)))
