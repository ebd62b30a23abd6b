"""GetVectors, ListVectors and DeleteVectors."""

from typing import Any

import numpy as np
import pytest

from tests.support.api import Api
from tests.support.vector_index import BUCKET, INDEX, NATIVE, VectorIndex, a_vector, keys_of, refusal
from vectord.edge.handler import MAX_ANSWER

_MANY = 2_500


@pytest.fixture
def many(plots: VectorIndex) -> VectorIndex:
    """An index of 2,500 vectors."""
    plots.put_rows([[number, 1] for number in range(_MANY)], even=True)
    return plots


def test_missing_keys_are_left_out_and_the_others_are_in_the_order_of_the_request(plots: VectorIndex) -> None:
    plots.put(*(a_vector(key, [1, 0]) for key in "abc"))
    assert plots.get("c", "x", "a", "c") == [{"key": "c"}, {"key": "a"}]


def test_only_requested_members_are_returned(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [1, 0], year=1979))
    assert plots.get("alien") == [{"key": "alien"}]
    assert plots.get("alien", returnData=True) == [{"key": "alien", "data": {"float32": [1.0, 0.0]}}]
    assert plots.get("alien", returnMetadata=True) == [{"key": "alien", "metadata": {"year": 1979}}]


def test_a_request_has_1_to_100_keys(plots: VectorIndex) -> None:
    assert plots.get(*(f"v{number}" for number in range(100))) == []
    assert refusal(plots.get, *(f"v{number}" for number in range(101)))["fields"][0][0] == "/keys"
    assert refusal(plots.get)["status"] == 400


@pytest.mark.slow
def test_vectors_that_do_not_fit_into_one_answer_are_refused_not_cut(plots: VectorIndex) -> None:
    for number in range(8):  # as large metadata comes only from the native API
        plots.api.add({"id": f"v{number}", "vector": [1, 0], "metadata": {"text": "x" * 1_000_000}}, name=NATIVE)
    refused = refusal(plots.get, *(f"v{number}" for number in range(8)), returnMetadata=True)
    assert (refused["Code"], "Get fewer vectors" in refused["Message"]) == ("ValidationException", True)
    assert len(plots.get(*(f"v{number}" for number in range(5)), returnMetadata=True)) == 5


def test_an_index_is_named_by_its_arn_or_by_both_names(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [1, 0]))
    arn = f"arn:aws:s3vectors:us-east-1:000000000000:bucket/{BUCKET}/index/{INDEX}"
    assert plots.client.list_vectors(indexArn=arn)["vectors"] == [{"key": "alien"}]
    assert plots.client.query_vectors(indexArn=arn, topK=1, queryVector={"float32": [1, 0]})["vectors"]
    assert refusal(plots.client.list_vectors, indexArn=arn, indexName=INDEX)["status"] == 400


@pytest.mark.parametrize("page", [499, 500, 1_000, None])
@pytest.mark.slow
def test_pages_have_every_vector_once(many: VectorIndex, page: int | None) -> None:
    pages = many.pages("list_vectors", **({} if page is None else {"maxResults": page}))
    found = keys_of(pages)
    assert (len(found), set(found)) == (_MANY, {f"v{number}" for number in range(_MANY)})
    assert [len(one["vectors"]) for one in pages[:-1]] == [page or 500] * (len(pages) - 1)


@pytest.mark.parametrize("count", [1, 2, 7, 16])
@pytest.mark.slow
def test_segments_are_disjoint_and_complete(many: VectorIndex, count: int) -> None:
    segments = [
        keys_of(many.pages("list_vectors", segmentCount=count, segmentIndex=index, maxResults=300))
        for index in range(count)
    ]
    found = [key for segment in segments for key in segment]
    assert (len(found), set(found)) == (_MANY, {f"v{number}" for number in range(_MANY)})
    assert all(segments)


@pytest.mark.parametrize(
    "request_",
    [
        {"segmentCount": 2},
        {"segmentIndex": 0},
        {"segmentCount": 2, "segmentIndex": 2},
        {"segmentCount": 17, "segmentIndex": 0},
        {"segmentCount": 0, "segmentIndex": 0},
        {"segmentCount": 2, "segmentIndex": -1},
        {"maxResults": 0},
        {"maxResults": 1_001},
        {"nextToken": ""},
        {"nextToken": "AAAA"},
        {"nextToken": "é"},
        {"nextToken": "x" * 2_049},
    ],
)
def test_a_listing_out_of_range_is_refused(plots: VectorIndex, request_: Any) -> None:
    assert refusal(plots.client.list_vectors, **plots.names, **request_)["Code"] == "ValidationException"


def test_a_token_continues_only_its_own_listing(many: VectorIndex) -> None:
    token = many.client.list_vectors(**many.names, maxResults=1, segmentCount=2, segmentIndex=0)["nextToken"]
    again = {**many.names, "maxResults": 1, "nextToken": token}
    assert many.client.list_vectors(**again, segmentCount=2, segmentIndex=0)["vectors"]
    for other in ({"segmentCount": 2, "segmentIndex": 1}, {"segmentCount": 4, "segmentIndex": 0}, {}):
        assert refusal(many.client.list_vectors, **again, **other)["status"] == 400
    changed = {**again, "nextToken": token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]}
    assert refusal(many.client.list_vectors, **changed, segmentCount=2, segmentIndex=0)["status"] == 400


@pytest.mark.parametrize("character", ["k", "é", "鯨", "🎬"])
def test_the_token_after_the_longest_key_fits(plots: VectorIndex, character: str) -> None:
    longest = character * (1_024 // len(character.encode()))
    plots.put(*(a_vector(longest[:-1] + last, [1, 0]) for last in "ab"))
    token = plots.client.list_vectors(**plots.names, maxResults=1)["nextToken"]
    assert len(token) <= 2_048
    assert len(keys_of(plots.pages("list_vectors", maxResults=1))) == 2


@pytest.mark.slow
def test_a_page_ends_before_it_is_larger_than_an_answer_may_be(plots: VectorIndex) -> None:
    for start in range(0, 400, 100):
        plots.put(*(a_vector(f"v{number}", [1, 0], text="x" * 40_000) for number in range(start, start + 100)))
    pages = plots.pages("list_vectors", returnMetadata=True, maxResults=1_000)
    assert sorted(keys_of(pages)) == sorted(f"v{number}" for number in range(400))
    assert 140 < len(pages[0]["vectors"]) < 160  # of 40 KB, in 6 MB


@pytest.mark.slow
def test_pages_of_long_vectors_end_by_bytes(ephemeral: Api) -> None:
    index = VectorIndex(ephemeral, dimension=4_096)
    rows = np.random.default_rng(1).standard_normal((250, 4_096))
    for start in range(0, 250, 50):
        index.put(*(a_vector(f"v{start + at}", row.tolist()) for at, row in enumerate(rows[start : start + 50])))
    pages = index.pages("list_vectors", returnData=True, maxResults=1_000)
    found = {one["key"]: one["data"]["float32"] for page in pages for one in page["vectors"]}
    assert len(pages) > 2
    assert all(np.array_equal(found[f"v{number}"], row.astype(np.float32)) for number, row in enumerate(rows))


def test_one_vector_that_does_not_fit_is_refused_with_its_key(plots: VectorIndex) -> None:
    plots.api.add({"id": "quoted", "vector": [1, 0], "metadata": {"text": '"' * 2_000_000}}, name=NATIVE)
    refused = refusal(plots.client.list_vectors, **plots.names, returnMetadata=True)
    assert (refused["Code"], "quoted" in refused["Message"]) == ("ValidationException", True)
    assert plots.client.list_vectors(**plots.names)["vectors"] == [{"key": "quoted"}]
    assert MAX_ANSWER < 2 * 2_000_000 * 2  # each quote is escaped twice


def test_deletion_ignores_missing_keys(plots: VectorIndex) -> None:
    plots.put(*(a_vector(key, [1, 0]) for key in "abc"))
    plots.client.delete_vectors(**plots.names, keys=["a", "x", "c", "a"])
    plots.client.delete_vectors(**plots.names, keys=["a"])
    assert plots.found() == ["b"]


def test_a_deletion_has_1_to_500_keys(many: VectorIndex) -> None:
    refused = refusal(many.client.delete_vectors, **many.names, keys=[f"v{number}" for number in range(501)])
    assert refused["fields"][0][0] == "/keys"
    assert refusal(many.client.delete_vectors, **many.names, keys=[])["status"] == 400
    many.client.delete_vectors(**many.names, keys=[f"v{number}" for number in range(500)])
    assert len(keys_of(many.pages("list_vectors"))) == _MANY - 500


def test_a_native_index_is_not_an_index_of_a_vector_bucket(plots: VectorIndex) -> None:
    plots.api.create("films_native")
    names = {"vectorBucketName": BUCKET, "indexName": "native"}
    body = {"vectors": [a_vector("alien", [1, 0])]}
    for operation, more in (
        ("put_vectors", body),
        ("get_vectors", {"keys": ["alien"]}),
        ("delete_vectors", {"keys": ["alien"]}),
        ("list_vectors", {}),
        ("query_vectors", {"topK": 1, "queryVector": {"float32": [1, 0]}}),
    ):
        refused = refusal(getattr(plots.client, operation), **names, **more)
        assert (refused["Code"], refused["Message"]) == ("NotFoundException", "The specified index could not be found")


def test_a_missing_bucket_is_told_from_a_missing_index(plots: VectorIndex) -> None:
    missing = refusal(plots.client.list_vectors, vectorBucketName="music", indexName=INDEX)
    assert (missing["status"], missing["Message"]) == (404, "The specified vector bucket could not be found")
