"""Copy an index of Amazon S3 Vectors into vectord.

    python examples/migrate_from_s3_vectors.py my-bucket films --target ./data

Run it again after an interruption: vectors that are there are replaced. `make migrate` of the repository also continues
in the middle, copies tags and the bucket, and compares the copy with its source. AWS_ENDPOINT_URL_S3VECTORS may name
another service of the same protocol.
"""

import argparse

import boto3
from vectord_client import Client

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("bucket")
parser.add_argument("index")
parser.add_argument("--target", help="a URL or a folder; by default VECTORD_URL")
arguments = parser.parse_args()
source, where = boto3.client("s3vectors"), {"vectorBucketName": arguments.bucket, "indexName": arguments.index}


def vectors():
    """Yield all vectors as rows: id, vector, metadata."""
    pages = source.get_paginator("list_vectors").paginate(**where, returnData=True, returnMetadata=True)
    for page in pages:
        for vector in page["vectors"]:
            yield vector["key"], vector["data"]["float32"], vector.get("metadata")


described = source.get_index(**where)["index"]
with Client(arguments.target) as client:
    copy = client.create_index(
        arguments.index, dimension=described["dimension"], distance=described["distanceMetric"], exist_ok=True
    )
    print(copy.load(vectors()))
