"""Searches of an index in use, of one object and of shards: rows that no build has seen answer as all others do."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from tests.support import datasets
from tests.support.api import Api
from tests.support.sections import PACKED
from tests.support.vectors import F32
from vectord.index.build import builder, calibration
from vectord.index.query import planner, rounds, tail_candidates, tail_codes
from vectord.index.query.planner import SearchPlan
from vectord.index.sections import graph
from vectord.service.service import Service
from vectord.storage.memory import MemoryStore

pytestmark = pytest.mark.slow  # the quick tests of a tail are in tests/unit/index/query/test_search_tail.py

DIMENSION, ROWS, ADDED, BATCHES = 64, 1_500, 300, 3
QUERIES = 20
RECALL = 0.9  # of searches that are not exact; with more, these few rows are scanned
Cost = Callable[[SearchPlan, int, int], float]


def drawn(rows: int, seed: int) -> F32:
    return datasets.textlike(DIMENSION)(np.random.default_rng(seed), rows)


def cost_without_scans(plan: SearchPlan, rows: int, dimension: int, cost: Cost = planner.cost) -> float:
    """Return the cost of a plan, and a large one of a scan of all rows."""
    return math.inf if plan == planner.EXACT else cost(plan, rows, dimension)


@pytest.fixture(autouse=True)
def large_sizes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Treat small indexes as large ones: packed from the first row on, and searched by codes."""
    for function, argument, value in (
        (Service.__init__, "thresholds", PACKED),
        (MemoryStore.__init__, "least_part", 1),
    ):
        defaults = function.__kwdefaults__
        assert defaults is not None
        monkeypatch.setitem(defaults, argument, value)
    monkeypatch.setattr(graph, "_CHEAP_SCAN_COMPONENTS", 1)
    for module in planner, calibration, builder:
        monkeypatch.setattr(module, "cost", cost_without_scans)
    monkeypatch.setattr(tail_codes, "_MIN_COMPONENTS", 1)
    monkeypatch.setattr(rounds, "_LEAST_COMPONENTS", 1)
    monkeypatch.setattr(tail_codes, "_MIN_ROWS_PER_MATCH", 1)
    monkeypatch.setattr(tail_candidates, "_SCAN_SHARE", 2)
    monkeypatch.setattr(rounds, "_SMALL", 1)
    yield


def vectors_of(rows: F32, first: int) -> list[dict[str, Any]]:
    return [
        {"id": f"v{number}", "vector": row.tolist(), "metadata": {"even": number % 2 == 0}}
        for number, row in enumerate(rows, first)
    ]


class InUse:
    """An API with index `t`: rows of a build, rows that were added since, and removed and replaced ones of both."""

    def __init__(self, api: Api, shards: int) -> None:
        self.api = api
        self.rows: dict[str, F32] = {}
        assert api.create(dimension=DIMENSION, shards=shards).status == 201
        self.add(drawn(ROWS, 1), 0)
        for batch in range(BATCHES):
            self.add(drawn(ADDED, 2 + batch), ROWS + batch * ADDED)
        self.remove([*range(0, ROWS, 100), *range(ROWS, ROWS + BATCHES * ADDED, 20)])
        self.add(drawn(50, 9), ROWS - 50)
        self.add(drawn(50, 10), ROWS + BATCHES * ADDED - 50)

    def add(self, rows: F32, first: int) -> None:
        made = vectors_of(rows, first)
        assert self.api.add(*made).status == 200
        self.rows |= {each["id"]: row for each, row in zip(made, rows, strict=True)}

    def remove(self, numbers: list[int]) -> None:
        names = [f"v{number}" for number in numbers]
        assert self.api.send("POST", "/indexes/t/vectors/delete", {"ids": names}).status == 200
        for name in names:
            del self.rows[name]

    def nearest(self, query: F32, k: int, *, even: bool = False) -> list[str]:
        names = [name for name in self.rows if not even or int(name[1:]) % 2 == 0]
        rows = np.array([self.rows[name] for name in names])
        cosines = rows @ query / np.linalg.norm(rows, axis=1)
        return [names[at] for at in np.argsort(-cosines)[:k]]

    def search(self, query: F32, **more: Any) -> Mapping[str, Any]:
        """Return the answer for ten matches, which are distinct rows that exist."""
        answer = self.api.search(query.tolist(), k=10, **more)
        assert answer.status == 200
        found: Mapping[str, Any] = answer.json
        ids = {match["id"] for match in found["matches"]}
        assert len(ids) == 10
        assert ids <= self.rows.keys()
        return found


@pytest.fixture(params=[1, 3], ids=["one object", "shards"])
def in_use(request: pytest.FixtureRequest, ephemeral: Api) -> InUse:
    return InUse(ephemeral, request.param)


def test_an_index_in_use_answers_as_its_rows_are_now(in_use: InUse) -> None:
    hits = filtered = 0
    for query in drawn(QUERIES, 20):
        exact = in_use.search(query, recall=1)
        assert [match["id"] for match in exact["matches"]] == in_use.nearest(query, 10)
        assert exact["count"] == len(in_use.rows)
        found = in_use.search(query, recall=RECALL)
        assert found["strategy"] == "partitions"
        assert all(match["metadata"] == {"even": int(match["id"][1:]) % 2 == 0} for match in found["matches"])
        hits += len({match["id"] for match in found["matches"]} & set(in_use.nearest(query, 10)))
        found = in_use.search(query, recall=RECALL, filter={"even": True})
        assert all(match["metadata"] == {"even": True} for match in found["matches"])
        filtered += len({match["id"] for match in found["matches"]} & set(in_use.nearest(query, 10, even=True)))
    assert hits >= RECALL * 10 * QUERIES
    assert filtered >= RECALL * 10 * QUERIES


def test_many_queries_find_what_each_of_them_finds(in_use: InUse) -> None:
    queries = drawn(5, 21)
    answer = in_use.api.send("POST", "/indexes/t/search", {"vectors": queries.tolist(), "k": 5})
    together = [[match["id"] for match in each["matches"]] for each in answer.json["results"]]
    assert together == [[match["id"] for match in in_use.search(query)["matches"]][:5] for query in queries]


def test_a_description_shows_the_recall_that_the_build_measured(ephemeral: Api) -> None:
    assert ephemeral.create(dimension=DIMENSION).status == 201
    assert ephemeral.add(*vectors_of(drawn(ROWS, 1), 0)).status == 200
    described = ephemeral.send("GET", "/indexes/t").json["calibration"]
    assert max(described["partitions"].values()) >= RECALL
    assert max(described["ranges"].values()) >= RECALL
