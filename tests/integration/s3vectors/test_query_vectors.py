"""QueryVectors in one page."""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.vector_index import VectorIndex, a_vector, refusal

_CORNER = [1.0, 1.0, 1.0, 1.0, 1.0]
_ROWS = [[n + 0.1, n + 0.2, n + 0.0, n + 0.2, n + 0.3] for n in (1, 2, 3)]


def test_euclidean_distances_are_squares_as_in_aws(ephemeral: Api) -> None:
    index = VectorIndex(ephemeral, dimension=5)
    index.put_rows(_ROWS)
    found = index.query(_CORNER, 3, returnDistance=True)
    assert [one["key"] for one in found["vectors"]] == ["v0", "v1", "v2"]
    assert [one["distance"] for one in found["vectors"]] == pytest.approx([0.18, 6.78, 23.38], rel=1e-6)
    assert found["distanceMetric"] == "euclidean"


def test_cosine_distances_are_one_minus_the_cosine(ephemeral: Api) -> None:
    index = VectorIndex(ephemeral, dimension=5, distance="cosine")
    index.put_rows(_ROWS)
    index.put(a_vector("opposite", [-1, -1, -1, -1, -1]))
    found = index.query(_CORNER, 4, returnDistance=True)
    assert [one["key"] for one in found["vectors"]] == ["v2", "v1", "v0", "opposite"]
    cosines = [sum(row) / (5 * sum(value * value for value in row)) ** 0.5 for row in reversed(_ROWS)]
    assert [one["distance"] for one in found["vectors"]] == pytest.approx([*(1 - one for one in cosines), 2], abs=1e-6)
    assert found["distanceMetric"] == "cosine"


def test_a_stored_vector_is_at_distance_zero(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [0.1, 0.7]))
    assert plots.query([0.1, 0.7], returnDistance=True)["vectors"] == [{"key": "alien", "distance": 0.0}]


def test_only_requested_members_are_returned(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [1, 0], year=1979), a_vector("brazil", [2, 0]))
    assert plots.query([0, 0])["vectors"] == [{"key": "alien"}, {"key": "brazil"}]
    assert plots.query([0, 0], returnDistance=False, returnMetadata=False) == plots.query([0, 0])
    assert plots.query([0, 0], returnMetadata=True)["vectors"] == [
        {"key": "alien", "metadata": {"year": 1979}},
        {"key": "brazil", "metadata": {}},
    ]
    assert plots.query([0, 0], returnDistance=True)["vectors"][1] == {"key": "brazil", "distance": 4.0}


def test_an_empty_index_has_no_matches(plots: VectorIndex) -> None:
    found = plots.query([0, 0], 10_000)
    assert (found["vectors"], "nextToken" in found) == ([], False)


@pytest.mark.parametrize("top_k", [1, 3, 5, 100, 10_000])
def test_there_are_at_most_top_k_matches(plots: VectorIndex, top_k: int) -> None:
    plots.put_rows([[number, 0] for number in range(1, 6)])
    assert [one["key"] for one in plots.query([0, 0], top_k)["vectors"]] == [f"v{n}" for n in range(min(top_k, 5))]


@pytest.mark.parametrize("top_k", [0, -1, 10_001, 10**30, 1.5, "10", None])
def test_top_k_is_1_to_10_000(plots: VectorIndex, top_k: Any) -> None:
    body = {**plots.names, "topK": top_k, "queryVector": {"float32": [0, 0]}}
    answer = plots.api.send("POST", "/QueryVectors", body)
    assert (answer.status, answer.json["__type"]) == (400, "ValidationException"), answer.text


@pytest.mark.parametrize(
    ("vector", "path"),
    [
        ({"float32": [1]}, "queryVector"),
        ({"float32": [1, 2, 3]}, "queryVector"),
        ({"float32": []}, "queryVector"),
        ({"float32": ["NaN", 1]}, "queryVector"),
        ({"float32": [1e39, 1]}, "queryVector"),
        ({"float32": None}, "queryVector"),
        ({}, "queryVector"),
    ],
)
def test_a_query_vector_that_does_not_fit_is_refused(plots: VectorIndex, vector: Any, path: str) -> None:
    answer = plots.api.send("POST", "/QueryVectors", {**plots.names, "topK": 1, "queryVector": vector})
    assert (answer.status, answer.json["fieldList"][0]["path"]) == (400, path), answer.text


def test_a_zero_query_vector_is_refused_under_cosine(ephemeral: Api) -> None:
    refused = refusal(VectorIndex(ephemeral, distance="cosine").query, [0, 0])
    assert (refused["Code"], "zero" in refused["Message"]) == ("ValidationException", True)


def test_a_query_without_a_vector_and_texts_is_refused(plots: VectorIndex) -> None:
    assert refusal(plots.client.query_vectors, **plots.names, topK=1)["status"] == 400


def test_scores_are_not_added_to_the_matches_of_a_vector(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [1, 0]))
    assert plots.query([1, 0], returnScores=True)["vectors"] == [{"key": "alien"}]


def test_the_classic_mode_is_refused_for_an_enhanced_index(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [1, 0]))
    assert plots.query([1, 0], queryMode="ENHANCED")["vectors"] == [{"key": "alien"}]
    assert refusal(plots.query, [1, 0], queryMode="CLASSIC")["Code"] == "ValidationException"
    assert refusal(plots.query, [1, 0], queryMode="FAST")["fields"][0][0] == "/queryMode"


@pytest.mark.parametrize("member", ["QueryVector", "k", "includeMetadata", "indexname"])
def test_an_unknown_member_is_refused_not_ignored(plots: VectorIndex, member: str) -> None:
    body = {**plots.names, "topK": 1, "queryVector": {"float32": [0, 0]}, member: "films"}
    assert plots.api.send("POST", "/QueryVectors", body).status == 400


def test_members_that_are_null_are_absent(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [1, 0]))
    absent = dict.fromkeys(("filter", "nextToken", "queryMode", "queryTexts", "returnMetadata", "indexArn"))
    body = {**plots.names, "topK": 1, "queryVector": {"float32": [0, 0]}, **absent}
    assert plots.api.send("POST", "/QueryVectors", body).json["vectors"] == [{"key": "alien"}]


@pytest.mark.parametrize("member", ['"topK": 5', '"filter": {"year": 1979}', '"queryVector": {"float32": [1, 1]}'])
def test_a_member_that_is_repeated_is_refused(plots: VectorIndex, member: str) -> None:
    text = '"topK": 1, "queryVector": {"float32": [0, 0]}, "filter": {"topK": 1, "queryVector": 1}'
    names = '"vectorBucketName": "films", "indexName": "plots"'
    assert plots.api.send("POST", "/QueryVectors", f"{{{names}, {text}}}").status == 200
    assert plots.api.send("POST", "/QueryVectors", f"{{{names}, {text}, {member}}}").status == 400
