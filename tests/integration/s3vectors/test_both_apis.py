"""One index through both APIs at once: both see the same rows, and each keeps its own rules."""

import random
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.vector_index import BUCKET, INDEX, NATIVE, VectorIndex, a_vector, keys_of, refusal

_KEYS = [f"k{number}" for number in range(12)]
_PATH = f"/indexes/{NATIVE}"


def test_a_native_search_and_a_query_find_the_same_vectors(plots: VectorIndex) -> None:
    plots.put(a_vector("put", [3, 4], by="S3 Vectors"))
    plots.api.add({"id": "added", "vector": [6, 8], "metadata": {"by": "vectord"}}, name=NATIVE)
    found = plots.query([0, 0], returnDistance=True, returnMetadata=True)["vectors"]
    native = plots.api.search([0, 0], NATIVE).json["matches"]
    assert [(one["key"], one["metadata"]) for one in found] == [(one["id"], one["metadata"]) for one in native]
    assert [(one["distance"]) for one in found] == [one["distance"] ** 2 for one in native] == [25.0, 100.0]


def test_a_native_add_without_metadata_keeps_what_a_put_stored(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [1, 0], year=1979))
    plots.api.add({"id": "alien", "vector": [0, 1]}, name=NATIVE)
    [found] = plots.get("alien", returnData=True, returnMetadata=True)
    assert (found["data"]["float32"], found["metadata"]) == ([0.0, 1.0], {"year": 1979})


def test_a_native_vector_without_metadata_has_empty_metadata(plots: VectorIndex) -> None:
    plots.api.add({"id": "bare", "vector": [1, 0]}, name=NATIVE)
    assert plots.get("bare", returnMetadata=True) == [{"key": "bare", "metadata": {}}]
    assert plots.query([1, 0], returnMetadata=True)["vectors"] == [{"key": "bare", "metadata": {}}]


def test_a_native_deletion_by_filter_and_a_restore_show_in_both(api_with_versions: Api) -> None:
    index = VectorIndex(api_with_versions)
    index.put(a_vector("alien", [1, 0], year=1979), a_vector("brazil", [0, 1], year=1985))
    version = index.api.send("GET", f"{_PATH}/versions").json["versions"][0]["version"]
    index.api.send("POST", f"{_PATH}/vectors/delete", {"filter": {"year": {"$lt": 1980}}})
    assert index.found() == ["brazil"]
    assert index.api.send("POST", f"{_PATH}/restore", {"as_of": version}).status == 200
    assert index.found() == ["alien", "brazil"]
    assert index.found({"year": 1979}) == ["alien"]


def test_a_copy_is_a_native_index(plots_with_versions: VectorIndex) -> None:
    plots_with_versions.put(a_vector("alien", [1, 0]))
    copied = plots_with_versions.api.send("POST", f"{_PATH}/copy", {"to": f"{BUCKET}_copy"})
    assert copied.status == 201, copied.text
    refused = refusal(plots_with_versions.client.list_vectors, vectorBucketName=BUCKET, indexName="copy")
    assert refused["Code"] == "NotFoundException"


def test_a_listing_goes_on_while_the_native_api_changes_the_index(plots: VectorIndex) -> None:
    plots.put_rows([[number, 1] for number in range(2_500)])
    first = plots.client.list_vectors(**plots.names, maxResults=1_000)
    plots.api.send("POST", f"{_PATH}/vectors/delete", {"ids": keys_of([first])})
    plots.api.add(*({"id": f"new{number}", "vector": [1, 1]} for number in range(200)), name=NATIVE)
    rest = plots.client.list_vectors(**plots.names, maxResults=1_000, nextToken=first["nextToken"])
    pages = [first, rest]
    while "nextToken" in pages[-1]:
        pages.append(plots.client.list_vectors(**plots.names, maxResults=1_000, nextToken=pages[-1]["nextToken"]))
    found = keys_of(pages)
    assert len(found) == len(set(found))
    assert {f"v{number}" for number in range(2_500)} <= set(found)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.slow
def test_any_sequence_of_changes_by_both_apis_is_what_a_dictionary_says(plots: VectorIndex, seed: int) -> None:
    chance, expected = random.Random(seed), dict[str, tuple[list[float], Any]]()
    for step in range(40):
        keys = chance.sample(_KEYS, chance.randint(1, 4))
        vector, metadata = [float(step + 1), float(chance.randint(0, 9))], {"step": step}
        match chance.randrange(5):
            case 0:
                plots.put(*(a_vector(key, vector, **metadata) for key in keys))
                expected |= dict.fromkeys(keys, (vector, metadata))
            case 1:
                plots.put(*(a_vector(key, vector) for key in keys))
                expected |= {key: (vector, {}) for key in keys}
            case 2:
                plots.api.add(*({"id": key, "vector": vector} for key in keys), name=NATIVE)
                expected |= {key: (vector, expected[key][1] if key in expected else {}) for key in keys}
            case 3:
                plots.client.delete_vectors(**plots.names, keys=keys)
                expected = {key: one for key, one in expected.items() if key not in keys}
            case _:
                plots.api.send("POST", f"{_PATH}/vectors/delete", {"filter": {"step": {"$lt": step // 2}}})
                expected = {key: one for key, one in expected.items() if one[1].get("step", step) >= step // 2}
        found = plots.get(*_KEYS, returnData=True, returnMetadata=True)
        assert {one["key"]: (one["data"]["float32"], one["metadata"]) for one in found} == expected
        assert plots.found() == sorted(expected)


def test_an_index_that_is_created_again_starts_empty(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [1, 0]))
    plots.client.delete_index(**plots.names)
    assert refusal(plots.found)["Code"] == "NotFoundException"
    parameters = {"dataType": "float32", "dimension": 3, "distanceMetric": "cosine"}
    plots.client.create_index(vectorBucketName=BUCKET, indexName=INDEX, **parameters)
    assert plots.client.list_vectors(**plots.names)["vectors"] == []
