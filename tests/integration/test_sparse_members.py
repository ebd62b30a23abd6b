"""The member `sparse` of a row that is added: another spelling of what the metadata have at the declared paths."""

import json
from typing import Any

import pytest

from tests.support.api import Answer, Api
from tests.support.sparse_vectors import body, drawn_rows, product, ranked

ROWS = {i: row[0] for i, row in drawn_rows(25, 5).items() if row[0]}
QUERY = {0: 0.5, 7: -1.0, 65_536: 2.0, 2**32 - 1: 0.25}
EXPECTED = {i: product(row, QUERY) for i, row in ROWS.items() if row.keys() & QUERY.keys()}
ONE: dict[str, Any] = {"indices": [7, 3], "values": [1.5, -2]}
PROBLEM = "urn:vectord:problem:batch-invalid"


@pytest.fixture(params=[1, 3], ids=["one blob", "3 shards"])
def shards(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def held(shards: int, ephemeral: Api) -> Api:
    """An index that declares one name."""
    ephemeral.create(sparse={"splade": {}}, shards=shards)
    return ephemeral


@pytest.fixture
def several(shards: int, ephemeral: Api) -> Api:
    """An index that declares two names; one is a path into an object."""
    ephemeral.create(sparse={"splade": {}, "of.title": {}}, text={"title": {}}, shards=shards)
    return ephemeral


def row(vector_id: str = "a", **members: Any) -> dict[str, Any]:
    return {"id": vector_id, "vector": [1, 2], **members}


def text_of(members: str) -> str:
    """Return the body of an add of one row with members that are JSON text."""
    return '{"vectors":[{"id":"a","vector":[1,2],' + members + "}]}"


def stored(api: Api, **members: Any) -> Any:
    """Return the metadata that a row with these members has."""
    answer = api.add(row(**members))
    assert answer.status == 200, answer.text
    return api.get("a")["metadata"]


def refused(answer: Answer) -> list[dict[str, Any]]:
    assert (answer.status, answer.json["type"]) == (422, PROBLEM)
    return list(answer.json["errors"])


def test_a_row_is_found_by_the_sparse_vector_that_was_sent_beside_its_metadata(held: Api) -> None:
    assert held.add(*(row(i, sparse={"splade": body(sparse)}) for i, sparse in ROWS.items())).status == 200
    answer = held.send("POST", "/indexes/t/search", {"k": 100, "sparse": body(QUERY)})
    found = [(match["id"], match["relevance"]) for match in answer.json["matches"]]
    assert found == [(i, EXPECTED[i]) for i in ranked(EXPECTED)]


@pytest.mark.parametrize("sparse", [ONE, {"splade": ONE}], ids=["bare", "named"])
@pytest.mark.parametrize(
    ("given", "kept"), [({}, {}), ({"metadata": None}, {}), ({"metadata": {"n": 1, "splade": None}}, {"n": 1})]
)
def test_the_metadata_have_it_at_the_declared_path(held: Api, sparse: Any, given: Any, kept: Any) -> None:
    assert stored(held, sparse=sparse, **given) == {**kept, "splade": ONE}


def test_a_path_leads_into_objects_which_keep_their_other_members(several: Api) -> None:
    metadata = {"title": "red", "of": {"year": 1979, "title": None}}
    assert stored(several, sparse={"of.title": ONE, "splade": ONE}, metadata=metadata) == {
        "title": "red",
        "of": {"year": 1979, "title": ONE},
        "splade": ONE,
    }
    assert stored(several, sparse={"of.title": ONE}) == {"of": {"title": ONE}}


def test_other_values_stay_as_they_were_written(held: Api) -> None:
    metadata = '"metadata":{"x":1.0e+2,"y":[12345678901234567890]}'
    assert held.send("POST", "/indexes/t/vectors", text_of(f'{metadata},"sparse":{json.dumps(ONE)}')).status == 200
    answer = held.send("POST", "/indexes/t/vectors/get", {"ids": ["a"]})
    assert '{"x":1.0e+2,"y":[12345678901234567890],"splade":' in answer.text


def test_null_is_no_sparse_vector(held: Api) -> None:
    assert stored(held, sparse=None, metadata={"n": 1}) == {"n": 1}
    assert held.add(row("b", sparse=None)).status == 200
    assert held.get("b")["metadata"] is None


def test_a_patch_and_a_later_add_see_it_as_metadata(held: Api) -> None:
    stored(held, sparse=ONE)
    patch = {"ids": ["a"], "metadata": {"n": 1}}
    assert held.send("PATCH", "/indexes/t/vectors", patch).status == 200
    assert held.get("a")["metadata"] == {"splade": ONE, "n": 1}
    assert stored(held, metadata={"n": 2}) == {"n": 2}


BAD: list[tuple[Any, Any, str]] = [
    ({"other": ONE}, None, "sparse.other is not declared by the index, which declares 'splade'"),
    (ONE, {"splade": ONE}, "sparse and metadata.splade are both given; leave one of them out"),
    ({"splade": ONE}, {"splade": 5}, "sparse.splade and metadata.splade are both given; leave one of them out"),
    (ONE, [1], "metadata must be an object, because sparse vectors are stored in it"),
    ([ONE], None, "sparse must be a sparse vector, or an object with one for some of the names 'splade'"),
    ({}, None, "sparse must be a sparse vector, or an object with one for some of the names 'splade'"),
    ({"splade": None}, None, "sparse.splade must be an object with exactly 'indices' and 'values'"),
    ({"splade": [1, 2]}, None, "sparse.splade must be an object with exactly 'indices' and 'values'"),
    ({"indices": [1]}, None, "sparse must be an object with exactly 'indices' and 'values'"),
    ({**ONE, "splade": ONE}, None, "sparse must be an object with exactly 'indices' and 'values'"),
    ({"indices": [1, 2], "values": [1]}, None, "sparse has 2 indices and 1 values; it must have as many"),
    ({"indices": [], "values": []}, None, "sparse.indices must be 1 to 4,096, not 0"),
    (body(dict.fromkeys(range(4_097), 1.0)), None, "sparse.indices must be 1 to 4,096, not 4,097"),
    ({"indices": [1, 1], "values": [1, 2]}, None, "sparse.indices has 1 more than once"),
    ({"indices": [-1], "values": [1]}, None, "sparse.indices[0] must be an integer from 0 to 4,294,967,295"),
    ({"indices": [2**32], "values": [1]}, None, "sparse.indices[0] must be an integer from 0 to 4,294,967,295"),
    ({"indices": [1.5], "values": [1]}, None, "sparse.indices[0] must be an integer from 0 to 4,294,967,295"),
    ({"splade": {"indices": [1], "values": [0]}}, None, "sparse.splade.values[0] must be finite and not 0 as float32"),
    (
        {"splade": {"indices": [1], "values": [1e39]}},
        None,
        "sparse.splade.values[0] must be finite and not 0 as float32",
    ),
    ({"indices": [1], "values": ["NaN"]}, None, "sparse.values[0] must be a number"),
]


@pytest.mark.parametrize(("sparse", "metadata", "reason"), BAD)
def test_a_row_that_cannot_be_stored_is_named_and_changes_nothing(
    held: Api, sparse: Any, metadata: Any, reason: str
) -> None:
    etag = held.send("GET", "/indexes/t").etag
    answer = held.add(row("b", sparse=ONE), row("bad", sparse=sparse, metadata=metadata))
    assert refused(answer) == [{"position": 1, "id": "bad", "reason": reason}]
    assert held.send("GET", "/indexes/t").etag == etag


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_not_json_is_refused(held: Api, number: str) -> None:
    text = text_of('"sparse":{"indices":[1],"values":[' + number + "]}")
    assert held.send("POST", "/indexes/t/vectors", text).status == 400


def test_a_number_beyond_float64_is_refused_with_its_row(held: Api) -> None:
    text = text_of('"sparse":{"indices":[1],"values":[1e999]}')
    [found] = refused(held.send("POST", "/indexes/t/vectors", text))
    assert (found["position"], found["id"]) == (0, "a")
    assert found["reason"].startswith("sparse is not valid: Number out of range")


@pytest.mark.parametrize(
    ("members", "key"),
    [
        ('"sparse":{"indices":[1],"values":[1]},"sparse":null', "has the key 'sparse' more than once"),
        ('"sparse":{"indices":[1],"values":[1],"values":[2]}', "sparse has the key 'values' more than once"),
        ('"sparse":null,"metadata":1,"metadata":{"a":2}', "has the key 'metadata' more than once"),
    ],
)
def test_a_member_that_occurs_twice_is_refused(held: Api, members: str, key: str) -> None:
    answer = held.send("POST", "/indexes/t/vectors", text_of(members))
    assert refused(answer) == [{"position": 0, "id": "a", "reason": key}]


def test_of_several_names_one_must_be_given(several: Api) -> None:
    answer = several.add(row(sparse=ONE), row("b", sparse={"of.title": ONE}, metadata={"of": "x"}))
    assert [bad["reason"] for bad in refused(answer)] == [
        "sparse must be an object with some of the names 'of.title', 'splade': the index declares several",
        "metadata.of must be an object, because sparse.of.title is stored in it",
    ]


def test_an_index_without_names_has_no_sparse_vectors(shards: int, ephemeral: Api) -> None:
    ephemeral.create(shards=shards, text={"title": {}})
    assert refused(ephemeral.add(row(sparse=ONE)))[0]["reason"] == "sparse: the index declares no sparse vectors"
    assert ephemeral.add(row(sparse=None)).status == 200
