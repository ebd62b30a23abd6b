"""LangChain's AmazonS3Vectors: its own integration test, the standard tests of a vector store, and 2,500 documents."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from langchain_aws.vectorstores import AmazonS3Vectors
from langchain_core.embeddings import DeterministicFakeEmbedding

from tests.clients import rows, suites
from tests.clients.sources import suite_of

CLIENT = "langchain-aws"
STANDARD = Path(__file__).parent / "standard"
STANDARD_TESTS = 25
# AmazonS3Vectors.get_by_ids raises ValueError for an id that the index does not have; the standard wants it left out.
ITS_OWN_FAULTS = {"test_get_by_ids_missing", "test_get_by_ids_missing_async"}


def test_its_own_integration_test_passes(
    s3vectors: object, bucket: str, variables: Mapping[str, str], record_property: Callable[[str, object], None]
) -> None:
    variables = {**variables, "INTEGRATION_TEST_S3_VECTORS_VECTOR_BUCKET_NAME": bucket}
    file = "tests/integration_tests/vectorstores/test_s3_vectors.py"
    outcome = suites.run_pytest(suite_of(CLIENT), file, variables)
    record_property("of its own suite passed", len(outcome.passed))
    assert (outcome.failed, outcome.skipped) == ({}, []), outcome.output
    assert len(outcome.passed) == 2


@pytest.fixture(scope="module")
def standard(variables: Mapping[str, str]) -> suites.Outcome:
    return suites.run_pytest(STANDARD, ".", variables)


def test_the_standard_tests_fail_only_where_its_own_code_raises(
    standard: suites.Outcome, record_property: Callable[[str, object], None]
) -> None:
    record_property("of the standard suite passed", len(standard.passed))
    record_property("failed by its own fault", len(standard.failed))
    assert standard.failed.keys() == ITS_OWN_FAULTS, standard.output
    assert standard.skipped == []
    assert len(standard.passed) == STANDARD_TESTS - len(ITS_OWN_FAULTS)


def test_the_same_two_fail_with_the_same_error_of_its_own_on_motos_implementation(
    standard: suites.Outcome, moto_variables: Mapping[str, str]
) -> None:
    on_moto = suites.run_pytest(STANDARD, "-kmissing and by_ids", moto_variables)
    assert on_moto.failed == standard.failed, on_moto.output
    assert all("not found in vector store" in message for message in on_moto.failed.values())


def test_2500_documents_are_stored_found_fetched_filtered_and_deleted(bucket: str) -> None:
    embedding = DeterministicFakeEmbedding(size=16)
    texts = [f"text {number}" for number in range(rows.COUNT)]
    given = [{"tens": number // 10} for number in range(rows.COUNT)]
    store = AmazonS3Vectors.from_texts(
        texts, embedding, given, ids=rows.KEYS, vector_bucket_name=bucket, index_name="documents"
    )
    assert [document.page_content for document in store.get_by_ids(rows.KEYS)] == texts
    every = store.similarity_search("text 1234", k=rows.COUNT)
    assert (every[0].id, sorted(document.id for document in every)) == ("1234", rows.KEYS)
    found = store.similarity_search("text 1234", k=20, filter={"tens": {"$in": [123, 7]}})
    assert sorted(document.id for document in found) == [*rows.KEYS[70:80], *rows.KEYS[1230:1240]]
    store.delete(rows.KEYS[5:])
    assert len(store.similarity_search("any", k=10)) == 5
    store.delete()
