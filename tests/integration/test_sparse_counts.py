"""Counts and facets of the vectors that share an index with a sparse vector, over HTTP."""

from typing import Any

import pytest

from tests.support.api import Answer, Api
from tests.support.sparse_vectors import body, drawn_rows, product

PROBLEM = "urn:vectord:problem:"
QUERY = {0: 0.5, 7: -1.0, 65_536: 2.0, 2**32 - 1: 0.25}
SPARSE = body(QUERY)
ROWS = {i: row[0] for i, row in drawn_rows(40, 6).items()}
PRODUCTS = {i: product(row, QUERY) for i, row in ROWS.items() if row.keys() & QUERY.keys()}


@pytest.fixture(params=[1, 3], ids=["one blob", "three shards"])
def api(request: pytest.FixtureRequest, ephemeral: Api) -> Api:
    ephemeral.create(sparse={"splade": {}, "of.second": {}}, text={"title": {}}, shards=request.param)
    rows = [
        {
            "id": i,
            "vector": [1, n],
            "metadata": {"title": "fox", "few": len(row) < 3, **({"splade": body(row)} if row else {})},
        }
        for n, (i, row) in enumerate(ROWS.items())
    ]
    assert ephemeral.add(*rows).status == 200
    return ephemeral


def count(api: Api, **sent: Any) -> Answer:
    return api.send("POST", "/indexes/t/vectors/count", sent)


def facets(api: Api, **sent: Any) -> Answer:
    return api.send("POST", "/indexes/t/vectors/facets", {"paths": ["few"], **sent})


def check(api: Api, found: list[str], **sent: Any) -> None:
    """Compare both counts of a body with the ids that they should count."""
    few = [len(ROWS[i]) < 3 for i in found]
    assert count(api, **sent).json == {"count": len(found)}
    answer = facets(api, **sent).json
    assert answer["count"] == len(found)
    assert {each["value"]: each["count"] for each in answer["facets"][0]["values"]} == {
        value: few.count(value) for value in (True, False) if value in few
    }


NAMED = {"sparse": {"name": "splade", **SPARSE}}


def test_vectors_that_share_an_index_are_counted(api: Api) -> None:
    assert min(PRODUCTS.values()) < 0
    check(api, [*PRODUCTS], **NAMED)
    check(api, [i for i in PRODUCTS if len(ROWS[i]) < 3], **NAMED, filter={"few": True})
    check(api, [], sparse={"name": "splade", "indices": [5], "values": [1]})
    check(api, [], sparse={"name": "of.second", **SPARSE})


def test_a_least_relevance_leaves_out_what_a_search_leaves_out(api: Api) -> None:
    for least in (0, 0.5, 1.0):
        check(api, [i for i, each in PRODUCTS.items() if each >= least], **NAMED, min_relevance=least)


def test_deleted_vectors_are_not_counted(api: Api) -> None:
    gone = sorted(PRODUCTS)[0]
    api.delete(gone)
    check(api, [i for i in PRODUCTS if i != gone], **NAMED)


@pytest.mark.parametrize("request_of", [count, facets])
@pytest.mark.parametrize(
    ("sent", "detail"),
    [
        ({"sparse": SPARSE}, "sparse.name must be one of"),
        ({"sparse": {"name": "title", **SPARSE}}, "sparse.name is 'title', which the index does not declare"),
        ({"sparse": {"name": "splade", "indices": [1, 1], "values": [1, 2]}}, "sparse.indices has 1 more than once"),
        ({**NAMED, "text": "fox"}, "'text' cannot be combined with 'sparse' in a count"),
        ({**NAMED, "min_relevance": -1}, "min_relevance"),
        ({**NAMED, "highlight": True}, "highlight"),
        ({"min_relevance": 1}, "'min_relevance' requires 'text' or 'sparse'"),
    ],
)
def test_a_sparse_vector_that_is_not_valid_is_refused(api: Api, request_of: Any, sent: Any, detail: str) -> None:
    answer = request_of(api, **sent)
    assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}request-invalid")
    assert detail in answer.json["detail"]


def test_an_index_without_sparse_vectors_counts_none(ephemeral: Api) -> None:
    ephemeral.create()
    for answer in (count(ephemeral, sparse=SPARSE), facets(ephemeral, sparse=SPARSE)):
        assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}request-invalid")
        assert "declares no sparse vectors" in answer.json["detail"]


@pytest.mark.parametrize("more", [{}, {"vector": [1, 0]}, {"id": "r001"}])
def test_a_highlight_of_a_sparse_vector_is_refused(api: Api, more: Any) -> None:
    answer = api.send("POST", "/indexes/t/search", {**NAMED, **more, "highlight": True})
    assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}request-invalid")
    assert "highlight needs 'text'" in answer.json["detail"]
