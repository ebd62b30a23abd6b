"""The API of Amazon S3 Vectors: vector buckets, their indexes and the vectors in them."""

from vectord.edge import handler
from vectord.edge.route import Route
from vectord.edge.s3vectors import buckets, faults, indexes, policies, query, tags, vectors
from vectord.edge.s3vectors.endpoint import Endpoint
from vectord.runtime import s3vectors
from vectord.runtime.settings import access_claim

REQUEST_ID = "x-amzn-RequestId"  # as AWS names it; SDKs show it in errors and metadata

ROUTES: dict[str, Route[Endpoint]] = {
    "POST /CreateVectorBucket": Route(buckets.create_vector_bucket, None, "create-vector-bucket"),
    "POST /GetVectorBucket": Route(buckets.get_vector_bucket, None),
    "POST /ListVectorBuckets": Route(buckets.list_vector_buckets, None),
    "POST /DeleteVectorBucket": Route(buckets.delete_vector_bucket, None, "delete-vector-bucket"),
    "POST /PutVectorBucketPolicy": Route(policies.put_policy, None, "put-vector-bucket-policy"),
    "POST /GetVectorBucketPolicy": Route(policies.get_policy, None),
    "POST /DeleteVectorBucketPolicy": Route(policies.delete_policy, None, "delete-vector-bucket-policy"),
    "POST /PutVectorBucketDefaultIndexMode": Route(buckets.put_default_index_mode, None, "put-default-index-mode"),
    "POST /CreateIndex": Route(indexes.create_index, None, "create-index"),
    "POST /GetIndex": Route(indexes.get_index, None),
    "POST /ListIndexes": Route(indexes.list_indexes, None),
    "POST /DeleteIndex": Route(indexes.delete_index, None, "delete-index"),
    "POST /UpdateIndexMode": Route(indexes.update_index_mode, None, "update-index-mode"),
    "POST /UpdateMetadataConfiguration": Route(indexes.update_metadata_configuration, None, "update-metadata"),
    "POST /PutVectors": Route(vectors.put_vectors, None, "add-vectors"),
    "POST /GetVectors": Route(vectors.get_vectors, None),
    "POST /ListVectors": Route(vectors.list_vectors, None),
    "POST /DeleteVectors": Route(vectors.delete_vectors, None, "delete-vectors"),
    "POST /QueryVectors": Route(query.query_vectors, None),
    "GET /tags/{resourceArn+}": Route(tags.list_tags, None),
    "POST /tags/{resourceArn+}": Route(tags.tag_resource, None, "tag-resource"),
    "DELETE /tags/{resourceArn+}": Route(tags.untag_resource, None, "untag-resource"),
}

lambda_handler = handler.handler(
    ROUTES, s3vectors.endpoint, access_claim, answer_error=faults.answer, request_id_header=REQUEST_ID
)
