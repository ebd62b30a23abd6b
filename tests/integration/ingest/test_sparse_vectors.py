"""Files whose rows have sparse vectors in their metadata are ingested and exported, and what is invalid is reported."""

import json

import pytest

from tests.support.api import Api
from tests.support.inbox import Inbox
from tests.support.sparse_vectors import body, drawn_rows, product, ranked

ROWS = {i: row[0] for i, row in drawn_rows(12, 7).items()}
QUERY = {0: 0.5, 7: -1.0, 65_536: 2.0}
EXPECTED = {i: product(row, QUERY) for i, row in ROWS.items() if row.keys() & QUERY.keys()}


def lines(rows: dict[str, dict[int, float]]) -> bytes:
    stored = [
        {"id": i, "vector": [n + 1, 12 - n], "metadata": {"splade": body(row) if row else None}}
        for n, (i, row) in enumerate(rows.items())
    ]
    return b"".join(json.dumps(row).encode() + b"\n" for row in stored)


@pytest.fixture(params=[1, 3])
def declared(request: pytest.FixtureRequest, environment: None, on_s3_in_one_process: Api) -> Api:
    """An API with the index `x`, single or sharded."""
    on_s3_in_one_process.create("x", sparse={"splade": {}}, shards=request.param)
    return on_s3_in_one_process


def found(api: Api, name: str = "x") -> list[tuple[str, float]]:
    answer = api.send("POST", f"/indexes/{name}/search", {"k": 50, "sparse": body(QUERY)})
    return [(match["id"], match["relevance"]) for match in answer.json["matches"]]


def test_a_file_of_lines_is_ingested_with_its_sparse_vectors(declared: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/x/f.jsonl", lines(ROWS), "01")
    assert (inbox.reports(), found(declared)) == ([], [(i, EXPECTED[i]) for i in ranked(EXPECTED)])


@pytest.mark.slow
def test_an_export_is_ingested_as_the_same_index(declared: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/x/f.jsonl", lines(ROWS), "01")
    exported = declared.send("GET", "/indexes/x/export", query={"format": "jsonl"})
    assert exported.status == 200, exported.text
    declared.create("y", sparse={"splade": {}})
    inbox.upload("uploads/y/g.jsonl", exported.data, "02")
    assert found(declared, "y") == found(declared)


def test_a_file_with_another_value_is_reported_and_changes_nothing(declared: Api, inbox: Inbox) -> None:
    bad = json.dumps({"id": "bad", "vector": [1, 1], "metadata": {"splade": {"indices": [1], "values": [0]}}}).encode()
    inbox.upload("uploads/x/f.jsonl", lines(ROWS) + bad + b"\n", "01")
    [row] = inbox.report("rejected/x/f.jsonl.json")["rows"]
    assert (row["id"], row["reason"]) == ("bad", "metadata.splade.values[0] must be finite and not 0 as float32")
    assert found(declared) == []


def test_the_rows_of_a_file_may_have_their_sparse_vectors_beside_the_metadata(declared: Api, inbox: Inbox) -> None:
    rows = [
        {"sparse": {"splade": body(row)} if row else None, "id": i, "metadata": {"n": n}, "vector": [n + 1, 12 - n]}
        for n, (i, row) in enumerate(ROWS.items())
    ]
    inbox.upload("uploads/x/f.jsonl", b"".join(json.dumps(row).encode() + b"\n" for row in rows), "01")
    assert (inbox.reports(), found(declared)) == ([], [(i, EXPECTED[i]) for i in ranked(EXPECTED)])
    [(n, vector_id)] = [each for each in enumerate(ROWS) if ROWS[each[1]]][:1]
    assert declared.get(vector_id, "x")["metadata"] == {"n": n, "splade": body(ROWS[vector_id])}


def test_a_row_of_a_file_whose_sparse_vector_is_not_declared_is_reported(declared: Api, inbox: Inbox) -> None:
    sparse = {"indices": [1], "values": [1]}
    bad = json.dumps({"id": "bad", "vector": [1, 1], "sparse": {"other": sparse}}).encode()
    inbox.upload("uploads/x/f.jsonl", lines(ROWS) + bad + b"\n", "01")
    [row] = inbox.report("rejected/x/f.jsonl.json")["rows"]
    assert (row["id"], row["reason"]) == ("bad", "sparse.other is not declared by the index, which declares 'splade'")
    assert found(declared) == []
