"""LangChain's standard tests of a vector store, over AmazonS3Vectors. Run by test_langchain.py."""

from collections.abc import Iterator
from uuid import uuid4

import boto3
import pytest
from langchain_aws.vectorstores import AmazonS3Vectors
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests.vectorstores import EMBEDDING_SIZE, VectorStoreIntegrationTests


class TestAmazonS3Vectors(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self) -> Iterator[VectorStore]:
        client, bucket = boto3.client("s3vectors"), f"bucket-{uuid4()}"
        client.create_vector_bucket(vectorBucketName=bucket)
        client.create_index(
            vectorBucketName=bucket,
            indexName="index",
            dataType="float32",
            dimension=EMBEDDING_SIZE,
            distanceMetric="cosine",
        )
        yield AmazonS3Vectors(vector_bucket_name=bucket, index_name="index", embedding=self.get_embeddings())
        client.delete_index(vectorBucketName=bucket, indexName="index")
        client.delete_vector_bucket(vectorBucketName=bucket)
