"""LlamaIndex's S3VectorStore. It ships no tests of its own."""

import asyncio

import pytest
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
)
from llama_index.vector_stores.s3 import S3VectorStore

from tests.clients import rows
from tests.clients.conftest import new_bucket

CLIENT = "llama-index-vector-stores-s3"
COUNT = 700  # two batches


def node(number: int) -> TextNode:
    made = TextNode(
        id_=rows.KEYS[number],
        text=f"text {number}",
        embedding=[float(number), 0.0, 0.0],
        metadata={"number": number, "parity": ["even", "odd"][number % 2]}
        | ({"last": 1} if number == COUNT - 1 else {}),
    )
    made.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id=f"document-{number // 100}")
    return made


@pytest.fixture(scope="module")
def store(s3vectors: object) -> S3VectorStore:
    """A store that no test changes."""
    made = S3VectorStore.create_index_from_bucket(new_bucket(s3vectors), "nodes", 3, distance_metric="euclidean")
    assert made.add([node(number) for number in range(COUNT)]) == rows.KEYS[:COUNT]
    return made


def ids(store: S3VectorStore, *filters: MetadataFilter, condition: str = "and", k: int = COUNT) -> list[str]:
    wanted = MetadataFilters(filters=list(filters), condition=FilterCondition(condition)) if filters else None
    return store.query(VectorStoreQuery([-1.0, 0.0, 0.0], similarity_top_k=k, filters=wanted)).ids


def test_nodes_come_back_as_they_were(store: S3VectorStore) -> None:
    [found] = store.get_nodes(["0042"])
    assert (found.id_, found.text, found.metadata) == ("0042", "text 42", {"number": 42, "parity": "even"})


def test_a_query_returns_nodes_in_the_order_of_their_distance(store: S3VectorStore) -> None:
    assert ids(store) == rows.KEYS[:COUNT]
    result = asyncio.run(store.aquery(VectorStoreQuery([-1.0, 0.0, 0.0], similarity_top_k=3)))
    assert [found.text for found in result.nodes] == ["text 0", "text 1", "text 2"]
    assert result.similarities == sorted(result.similarities, reverse=True)


@pytest.mark.parametrize(
    ("filters", "condition", "expected"),
    [
        ([MetadataFilter(key="number", value=7)], "and", [7]),
        ([MetadataFilter(key="number", value=697, operator=FilterOperator.GT)], "and", [698, 699]),
        ([MetadataFilter(key="number", value=1, operator=FilterOperator.LTE)], "and", [0, 1]),
        ([MetadataFilter(key="number", value=[3, 5], operator=FilterOperator.IN)], "and", [3, 5]),
        ([MetadataFilter(key="last", value=None, operator=FilterOperator.IS_EMPTY)], "and", range(COUNT - 1)),
        (
            [
                MetadataFilter(key="number", value=4, operator=FilterOperator.LT),
                MetadataFilter(key="parity", value="even"),
            ],
            "and",
            [0, 2],
        ),
        ([MetadataFilter(key="number", value=1), MetadataFilter(key="last", value=1)], "or", [1, COUNT - 1]),
    ],
)
def test_each_of_its_filters_selects_the_nodes_that_match(
    store: S3VectorStore, filters: list[MetadataFilter], condition: str, expected: list[int]
) -> None:
    assert ids(store, *filters, condition=condition) == [rows.KEYS[number] for number in expected]


def test_deleting_a_document_or_nodes_leaves_the_others(bucket: str) -> None:
    store = S3VectorStore.create_index_from_bucket(bucket, "nodes", 3, distance_metric="euclidean")
    store.add([node(number) for number in range(400)])
    store.delete("document-1")
    asyncio.run(store.adelete_nodes(["0000", "no such node"]))
    assert ids(store) == [*rows.KEYS[1:100], *rows.KEYS[200:400]]


def test_an_index_is_made_by_the_arn_of_its_bucket_and_cleared_by_its_name(s3vectors: object, bucket: str) -> None:
    arn = s3vectors.get_vector_bucket(vectorBucketName=bucket)["vectorBucket"]["vectorBucketArn"]
    S3VectorStore.create_index_from_bucket(arn, "nodes", 3)
    assert [index["indexName"] for index in s3vectors.list_indexes(vectorBucketArn=arn)["indexes"]] == ["nodes"]
    S3VectorStore("nodes", bucket).clear()
    assert s3vectors.list_indexes(vectorBucketName=bucket)["indexes"] == []
