"""Facets over HTTP, in single-object and sharded indexes."""

import json
from typing import Any

import pytest

from tests.support.api import Answer, Api
from vectord.service.sharding import execute

HUGE = 10**30
LONG = "x" * 200
METADATA: list[Any] = [
    {"tag": ["a", "b", "a"], "n": 1},
    {"tag": "a", "n": 1.0},
    {"tag": ["b", ["c"]], "n": [2, 2.5]},
    {"tag": None, "n": True},
    {"tag": {"inner": 1}, "n": "1"},
    {"tag": [], "n": -0.0},
    {"tag": [LONG + "1", LONG + "2"], "n": HUGE},
    {"tag": LONG + "1", "n": HUGE + 1},
    None,
]


@pytest.fixture(params=[1, 4], ids=["one blob", "shards"])
def filled(request: pytest.FixtureRequest, ephemeral: Api) -> Api:
    ephemeral.create(shards=request.param)
    rows = [{"id": f"row-{n}", "vector": [1, n], "metadata": one} for n, one in enumerate(METADATA)]
    assert ephemeral.add(*rows).status == 200
    return ephemeral


def facets(api: Api, *paths: str, **body: Any) -> Answer:
    return api.send("POST", "/indexes/t/vectors/facets", {"paths": paths, **body})


def counts(facet: Any) -> list[tuple[str, int]]:
    """Return the values as JSON text, which tells 1 from true."""
    return [(json.dumps(one["value"]), one["count"]) for one in facet["values"]]


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["type"].removeprefix("urn:vectord:problem:")


def test_values_are_counted_once_for_each_vector_most_frequent_first(filled: Api) -> None:
    answer = facets(filled, "tag", "n", "nowhere")
    assert (answer.status, answer.json["count"]) == (200, 9)
    tag, n, nowhere = answer.json["facets"]
    assert (tag["path"], tag["rows"], tag["distinct"], tag["min"], tag["max"]) == ("tag", 8, 6, None, None)
    assert counts(tag) == [
        ('"a"', 2),
        ('"b"', 2),
        (json.dumps(LONG + "1"), 2),
        ('"c"', 1),
        (json.dumps(LONG + "2"), 1),
        ("null", 1),
    ]
    assert (n["rows"], n["distinct"], n["min"], n["max"]) == (8, 8, 0, HUGE + 1)
    assert counts(n) == [
        ("1", 2),
        ("true", 1),
        ("0", 1),
        ("2", 1),
        ("2.5", 1),
        (str(HUGE), 1),
        (str(HUGE + 1), 1),
        ('"1"', 1),
    ]
    assert nowhere == {"path": "nowhere", "rows": 0, "distinct": 0, "values": [], "min": None, "max": None}


@pytest.mark.parametrize(
    ("path", "count"),
    [("$price", 2), (r"\$price", 2), (r"\\$price", 1), ("by.$price", 1), (r"by.\$price", 0), (r"\x", 1)],
)
def test_a_path_with_a_dollar_is_written_as_in_a_filter_or_plainly(ephemeral: Api, path: str, count: int) -> None:
    ephemeral.create()
    documents = [{"$price": 5}, {"$price": 5}, {r"\$price": 5}, {"by": {"$price": 5}}, {r"\x": 5}]
    ephemeral.add(*[{"id": str(n), "vector": [1, n], "metadata": one} for n, one in enumerate(documents)])
    [facet] = facets(ephemeral, path).json["facets"]
    assert (facet["path"], facet["rows"]) == (path, count)


def test_a_limit_cuts_values_but_not_their_number(filled: Api) -> None:
    [tag] = facets(filled, "tag", limit=1).json["facets"]
    assert (counts(tag), tag["distinct"]) == ([('"a"', 2)], 6)


@pytest.mark.parametrize(("tree", "count", "values"), [({"n": 1}, 2, [('"a"', 2), ('"b"', 1)]), ({"n": 7}, 0, [])])
def test_a_filter_selects_the_vectors_to_count(filled: Api, tree: Any, count: int, values: Any) -> None:
    answer = facets(filled, "tag", filter=tree)
    assert answer.json["count"] == count
    assert counts(answer.json["facets"][0]) == values


@pytest.mark.parametrize("tree", [None, {}])
def test_an_empty_filter_counts_all_vectors(filled: Api, tree: Any) -> None:
    assert facets(filled, "tag", filter=tree).json == facets(filled, "tag").json


def test_removed_and_replaced_vectors_do_not_count(filled: Api) -> None:
    filled.send("DELETE", "/indexes/t/vectors/row-1")
    filled.add({"id": "row-0", "vector": [1, 0], "metadata": {"tag": "new"}})
    [tag, n] = facets(filled, "tag", "n").json["facets"]
    assert (counts(tag)[:2], tag["rows"]) == ([(json.dumps(LONG + "1"), 2), ('"b"', 1)], 7)
    assert "1" not in dict(counts(n))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "request-invalid"),
        ({"paths": []}, "request-invalid"),
        ({"paths": ["a"] * 17}, "request-invalid"),
        ({"paths": [1]}, "request-invalid"),
        ({"paths": ["a"], "limit": 0}, "request-invalid"),
        ({"paths": ["a"], "limit": 1_001}, "request-invalid"),
        ({"paths": ["a"], "filter": {"a": {"$gtt": 1}}}, "filter-invalid"),
        ({"paths": ["a"], "max_staleness": 1}, "request-invalid"),
    ],
)
def test_an_invalid_body_is_refused(filled: Api, body: Any, kind: str) -> None:
    assert problem(filled.send("POST", "/indexes/t/vectors/facets", body)) == (422, kind)


def test_an_answer_has_the_etag_of_the_state(filled: Api) -> None:
    etag = facets(filled, "tag").etag
    again = filled.send("POST", "/indexes/t/vectors/facets", {"paths": ["tag"]}, headers={"If-None-Match": etag})
    assert again.status == 304


@pytest.mark.slow
def test_values_that_do_not_fit_are_refused(ephemeral: Api) -> None:
    ephemeral.create()
    for part in range(2):
        rows = [
            {"id": f"{part}-{n}", "vector": [1, 0], "metadata": {"t": f"{part}-{n}" + "y" * 9_000}} for n in range(500)
        ]
        assert ephemeral.add(*rows).status == 200
    assert problem(facets(ephemeral, "t", limit=1_000)) == (413, "answer-too-large")
    assert facets(ephemeral, "t", limit=10).json["facets"][0]["distinct"] == 1_000


def test_a_facet_is_approximate_if_a_shard_has_too_many_values(ephemeral: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "_MAX_VALUES", 3)
    ephemeral.create(shards=2)
    ephemeral.add(*({"id": f"{n}", "vector": [1, 0], "metadata": {"n": n, "even": n % 2 == 0}} for n in range(20)))
    n, even = facets(ephemeral, "n", "even").json["facets"]
    assert n["approximate"] is True
    assert (n["rows"], n["min"], n["max"]) == (20, 0, 19)
    assert n["distinct"] <= 20
    assert "approximate" not in even
    assert counts(even) == [("false", 10), ("true", 10)]


def test_a_shard_returns_as_many_values_as_fit_into_a_message(ephemeral: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "_MAX_BYTES", 1_000)
    ephemeral.create(shards=2)
    ephemeral.add(*({"id": f"{n}", "vector": [1, 0], "metadata": {"t": f"{n}" + "z" * 300}} for n in range(20)))
    [facet] = facets(ephemeral, "t").json["facets"]
    assert (facet["approximate"], facet["rows"], len(facet["values"])) == (True, 20, 2)
