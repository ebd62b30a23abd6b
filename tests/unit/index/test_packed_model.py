"""After any history of changes through several services a packed index contains what a dictionary would."""

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support import services
from tests.support import vectors as v
from tests.support.index_texts import expected_terms, stored_terms
from tests.support.services import FOREVER, Clock, a_query
from vectord.index.thresholds import Thresholds
from vectord.lhv1.params import Distance
from vectord.lhv1.text_fields import TextField
from vectord.readers.entry import NewVector
from vectord.service.service import Service
from vectord.service.values.options import NewIndex
from vectord.service.values.selection import Selection
from vectord.storage.memory import MemoryStore

pytestmark = pytest.mark.slow

DIMENSION = 65  # two words of a code, of which the second is padding but for one bit
SIZES = Thresholds(packed=1, tail_rows=12, tail_share=4, removed_share=3, pieces=2, part=2_048)
IDS = [*"abcdefghijklmnop", "plumless", "buckeroo", "a/b", "ü", "😀", " "]
SEEDS = st.integers(0, 40)  # few, so that equal vectors meet
METADATA = st.sampled_from(
    [None, None, {}, {"x": 1}, [1, "ü"], "text", 0, {"body": "two words"}, {"body": ["word", 1]}]
)
BATCH = st.lists(st.tuples(st.sampled_from(IDS), SEEDS, METADATA), min_size=1, max_size=8)


def components(seed: int) -> v.F32:
    return np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)


class History(RuleBasedStateMachine):
    """A store with two services, beside a dictionary of the expected content."""

    distance: Distance = "cosine"

    @initialize()
    def create(self) -> None:
        self.store = MemoryStore(least_part=1)
        self.clock = Clock()
        self.services = [self._service(), self._service()]
        text = {"body": TextField("french")}
        self.services[0].create(NewIndex("t", DIMENSION, m=2, distance=self.distance, text=text), FOREVER)
        self.vectors: dict[str, v.F32] = {}
        self.metadata: dict[str, Any] = {}

    def _service(self) -> Service:
        return services.a_service(self.store, clock=self.clock, sizes=SIZES)

    @rule(batch=BATCH, which=st.integers(0, 1))
    def add(self, batch: list[tuple[str, int, Any]], which: int) -> None:
        entries = [
            NewVector(
                vector_id, components(seed), None if metadata is None else msgspec.Raw(json.dumps(metadata).encode())
            )
            for vector_id, seed, metadata in batch
        ]
        done = self.services[which].add("t", entries, FOREVER)
        last = {vector_id: (seed, metadata) for vector_id, seed, metadata in batch}
        new = last.keys() - self.vectors.keys()
        for vector_id, (seed, metadata) in last.items():
            self.vectors[vector_id] = components(seed)
            if metadata is not None:
                self.metadata[vector_id] = metadata
        assert (done.added, done.replaced, done.count) == (len(new), len(last) - len(new), len(self.vectors))

    @rule(vector_id=st.sampled_from(IDS), metadata=METADATA, which=st.integers(0, 1))
    def add_the_same_vector_again(self, vector_id: str, metadata: Any, which: int) -> None:
        if vector_id in self.vectors:
            text = None if metadata is None else msgspec.Raw(json.dumps(metadata).encode())
            self.services[which].add("t", [NewVector(vector_id, self.vectors[vector_id], text)], FOREVER)
            if metadata is not None:
                self.metadata[vector_id] = metadata

    @rule(ids=st.lists(st.sampled_from([*IDS, "unknown"]), min_size=1, max_size=4), which=st.integers(0, 1))
    def delete(self, ids: list[str], which: int) -> None:
        there = set(ids) & self.vectors.keys()
        done = self.services[which].delete("t", Selection(list(ids)), FOREVER)
        for vector_id in there:
            del self.vectors[vector_id]
            self.metadata.pop(vector_id, None)
        assert (done.deleted, done.count) == (len(there), len(self.vectors))

    @rule()
    def delete_all(self) -> None:
        if self.vectors:
            self.delete(list(self.vectors), 0)

    @rule(which=st.integers(0, 1))
    def start_again(self, which: int) -> None:
        self.services[which] = self._service()

    @rule(seed=SEEDS, k=st.integers(1, 30), which=st.integers(0, 1))
    def search(self, seed: int, k: int, which: int) -> None:
        answer = self.services[which].search("t", a_query(components(seed), k, recall=1.0), FOREVER).answer
        found = v.pairs(answer)
        assert answer.count == len(self.vectors)
        assert found == sorted(found, key=lambda pair: (pair[1], pair[0]))
        if self.vectors:
            truth = v.true_distances(np.array(list(self.vectors.values())), components(seed), self.distance)
            of = dict(zip(self.vectors, truth.tolist(), strict=True))
            assert [distance for _, distance in found] == pytest.approx(sorted(of.values())[:k], abs=1e-9)
            assert dict(found) == pytest.approx({vector_id: of[vector_id] for vector_id, _ in found}, abs=1e-9)

    @invariant()
    def every_service_contains_what_the_dictionary_contains(self) -> None:
        for service in getattr(self, "services", []):
            assert service.describe("t", FOREVER).count == len(self.vectors)
            found = service.get("t", IDS, FOREVER)
            assert {one.id: one.vector.tobytes() for one in found.vectors} == {
                vector_id: vector.tobytes() for vector_id, vector in self.vectors.items()
            }
            metadata = {one.id: json.loads(bytes(one.metadata)) for one in found.vectors if one.metadata is not None}
            assert metadata == self.metadata
            assert set(found.missing) == set(IDS) - self.vectors.keys()

    @invariant()
    def the_texts_are_those_of_the_metadata(self) -> None:
        for service in getattr(self, "services", []):
            index = service.reader.open("t").index
            assert stored_terms(index) == expected_terms(index)


class EuclideanHistory(History):
    distance: Distance = "euclidean"


BOUNDS = settings(max_examples=40, stateful_step_count=20, deadline=None)

TestCosine = History.TestCase
TestCosine.settings = BOUNDS
TestEuclidean = EuclideanHistory.TestCase
TestEuclidean.settings = BOUNDS
