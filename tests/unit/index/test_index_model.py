"""After any history of upserts, removals and reopening an index contains what a dictionary would."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.support import vectors as v
from vectord.index import mutations
from vectord.index.codec import encode
from vectord.index.query import search as query_search
from vectord.index.rows import Item
from vectord.lhv1.params import Distance

pytestmark = pytest.mark.slow

IDS = st.sampled_from(["a", "b", "c", "a/b", "%2F", "ü", "😀", "\x00", " ", '"', "A", "aa"])
# Zero components are left to the euclidean machine: a zero vector has no cosine.
COMPONENT = st.floats(-(2.0**127), 2.0**127, width=32).filter(bool) | st.sampled_from([1.0, -1.0, 2.0, 1e-30, 1e20])
METADATA = st.sampled_from([..., ..., {}, {"x": 1}, [1, None], "text", 0])
BATCH = st.lists(st.tuples(IDS, st.tuples(COMPONENT, COMPONENT, COMPONENT), METADATA), min_size=1, max_size=6)


class History(RuleBasedStateMachine):
    """An index beside a dictionary of the expected content."""

    distance: Distance = "cosine"

    def __init__(self) -> None:
        super().__init__()
        self.index = v.sealed(v.empty(3, self.distance, m=4))
        self.vectors: dict[str, v.F32] = {}
        self.metadata: dict[str, Any] = {}

    @rule(batch=BATCH)
    def add(self, batch: list[tuple[str, tuple[float, ...], Any]]) -> None:
        items = [v.item(*entry) for entry in batch]
        new = {vector_id for vector_id, _, _ in batch} - self.vectors.keys()
        changed, added, replaced = mutations.upsert(self.index, items)
        last = {vector_id: (components, metadata) for vector_id, components, metadata in batch}
        assert (added, replaced) == (len(new), len(last) - len(new))
        self.index = v.sealed(changed)
        for vector_id, (components, metadata) in last.items():
            self.vectors[vector_id] = v.f32(components)
            if metadata is not ...:
                self.metadata[vector_id] = metadata

    @rule(ids=st.lists(IDS, max_size=4))
    def delete(self, ids: list[str]) -> None:
        there = set(ids) & self.vectors.keys()
        changed, deleted = mutations.remove(self.index, ids)
        assert deleted == len(there)
        self.index = v.sealed(changed)
        for vector_id in there:
            del self.vectors[vector_id]
            self.metadata.pop(vector_id, None)

    @rule()
    def delete_all(self) -> None:
        self.delete(list(self.vectors))

    @rule()
    def reopen(self) -> None:
        self.index = v.reopened(self.index)

    @rule(query=st.tuples(COMPONENT, COMPONENT, COMPONENT), k=st.integers(1, 15))
    def search(self, query: tuple[float, ...], k: int) -> None:
        answer = query_search.search(self.index, v.f32(query), k)
        found = v.pairs(answer)
        assert (len(found), answer.count) == (min(k, len(self.vectors)), len(self.vectors))
        assert found == sorted(found, key=lambda pair: (pair[1], pair[0]))
        if found:
            truth = dict(zip(self.vectors, self._truth(v.f32(query)), strict=True))
            assert [distance for _, distance in found] == pytest.approx(sorted(truth.values())[:k], rel=1e-9, abs=1e-9)
            assert {vector_id: truth[vector_id] for vector_id, _ in found} == pytest.approx(
                dict(found), rel=1e-9, abs=1e-9
            )

    @rule(data=st.data())
    def search_for_one_that_is_stored(self, data: st.DataObject) -> None:
        if self.vectors:
            vector_id = data.draw(st.sampled_from(sorted(self.vectors)))
            found = v.pairs(query_search.search(self.index, self.vectors[vector_id], len(self.vectors)))
            assert found[0][1] == 0.0
            assert dict(found)[vector_id] == 0.0

    @invariant()
    def contains_what_the_dictionary_contains(self) -> None:
        rows = self.index.rows
        stored = {vector_id: rows.vectors[row].tobytes() for vector_id, row in rows.row_of.items()}
        assert stored == {vector_id: vector.tobytes() for vector_id, vector in self.vectors.items()}
        assert {key: json.loads(bytes(raw)) for key, raw in rows.metadata.items()} == self.metadata

    def _truth(self, query: v.F32) -> list[float]:
        return v.true_distances(np.array(list(self.vectors.values())), query, self.distance).tolist()


class EuclideanHistory(History):
    distance: Distance = "euclidean"

    @rule(vector_id=IDS)
    def add_a_zero_vector(self, vector_id: str) -> None:
        self.add([(vector_id, (0.0, -0.0, 0.0), ...)])


BOUNDS = settings(max_examples=60, stateful_step_count=20, deadline=None)

TestCosine = History.TestCase
TestCosine.settings = BOUNDS
TestEuclidean = EuclideanHistory.TestCase
TestEuclidean.settings = BOUNDS


def test_a_state_is_never_changed_by_the_next_one() -> None:
    first = v.with_items(v.empty(3), [Item("a", v.f32([1, 2, 3]))])
    blob = encode.encode(first, "t", "a-commit").blob
    v.with_items(first, [v.item("a", [3, 2, 1], {}), v.item("b", [1, 1, 1])])
    v.without(first, "a")
    assert encode.encode(first, "t", "a-commit").blob == blob
