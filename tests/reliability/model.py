"""A model of an index: a dictionary with an exact search, and comparisons of a service with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Protocol
from zlib import crc32

import msgspec
import numpy as np
import pytest

from tests.support import vectors as v
from tests.support.index_texts import expected_terms, stored_terms
from tests.support.services import a_query
from vectord.errors import (
    Contended,
    IndexExists,
    IndexNotFound,
    OutcomeUnknown,
    StorageSilent,
    VectordError,
    VectorNotFound,
)
from vectord.index.codec import decode, encode
from vectord.index.query.query import Match
from vectord.lhv1 import frame
from vectord.lhv1.params import Distance
from vectord.lhv1.text_fields import TextField
from vectord.readers.entry import NewVector
from vectord.service.service import Service
from vectord.service.values.options import Deadline, NewIndex
from vectord.service.values.selection import Selection

type Row = tuple[bytes, bytes | None]  # float32 components and metadata as JSON text
type Rows = tuple[tuple[str, bytes, bytes | None], ...]
type State = Mapping[str, Row] | None  # None where no index is
type Outcome = tuple[int, ...] | str  # what a service returns: numbers, or the name of an error

NONE, EXISTS = "no index", "an index is there"
UNKNOWN, NOTHING = "unknown", "nothing was changed"
_MET: Mapping[type[VectordError], str] = {
    IndexNotFound: NONE,
    IndexExists: EXISTS,
    OutcomeUnknown: UNKNOWN,
    Contended: NOTHING,
    StorageSilent: NOTHING,
}


class Change(Protocol):
    """A change of index `t`: the state that it leads to, and what a service that makes it on a state should tell."""

    def on(self, state: State) -> State: ...

    def outcome(self, state: State) -> Outcome: ...

    def by(self, service: Service, until: float) -> Outcome: ...


def made(change: Change, service: Service, until: float) -> Outcome:
    """Have a service make a change; return what it tells."""
    try:
        return change.by(service, until)
    except tuple(_MET) as met:
        return _MET[type(met)]


def reached(states: Sequence[State], outcomes: Sequence[tuple[Change, Outcome]]) -> list[State]:
    """Return the states that these changes, made at once, may have led to, each in it whole or not at all.

    Each outcome must be right in the order that led to the state; a change with an unknown outcome was applied or not.
    """
    found: list[State] = []
    for order in permutations(outcomes):
        some = list(states)
        for change, outcome in order:
            applied = [change.on(state) for state in some if outcome in (UNKNOWN, change.outcome(state))]
            some = applied if outcome not in (UNKNOWN, NOTHING) else [*some, *(applied if outcome == UNKNOWN else [])]
        found += [state for state in some if state not in found]
    return found


@dataclass(frozen=True)
class Create:
    """An index with these parameters."""

    dimension: int
    distance: Distance

    def on(self, state: State) -> State:
        return {} if state is None else state

    def outcome(self, state: State) -> Outcome:
        return (0,) if state is None else EXISTS

    def by(self, service: Service, until: float) -> Outcome:
        new = NewIndex("t", self.dimension, m=2, distance=self.distance, text={"body": TextField()})
        done = service.create(new, Deadline(until))
        return (done.count,)


@dataclass(frozen=True)
class Drop:
    """The end of the index."""

    def on(self, _: State) -> State:
        return None

    def outcome(self, state: State) -> Outcome:
        return NONE if state is None else ()

    def by(self, service: Service, until: float) -> Outcome:
        service.delete_index("t", Deadline(until))
        return ()


@dataclass(frozen=True)
class Add:
    """A batch: of equal ids the last counts, no metadata leaves what is stored alone."""

    rows: Rows

    def on(self, state: State) -> State:
        if state is None:
            return None
        changed = dict(state)
        for vector_id, components, metadata in {row[0]: row for row in self.rows}.values():
            kept = changed[vector_id][1] if metadata is None and vector_id in changed else metadata
            changed[vector_id] = (components, kept)
        return changed

    def __repr__(self) -> str:
        return f"Add({[(vector_id, f'{crc32(components):08x}', text) for vector_id, components, text in self.rows]})"

    def outcome(self, state: State) -> Outcome:
        """Tell: added, replaced, count."""
        if state is None:
            return NONE
        ids = {vector_id for vector_id, *_ in self.rows}
        return len(ids - state.keys()), len(ids & state.keys()), len(ids | state.keys())

    def by(self, service: Service, until: float) -> Outcome:
        done = service.add("t", entries(*self.rows), Deadline(until))
        assert done.count is not None
        return done.added, done.replaced, done.count


@dataclass(frozen=True)
class Delete:
    """Some ids to delete."""

    ids: tuple[str, ...]

    def on(self, state: State) -> State:
        if state is None:
            return None
        return {vector_id: row for vector_id, row in state.items() if vector_id not in self.ids}

    def outcome(self, state: State) -> Outcome:
        """Tell: deleted, count."""
        if state is None:
            return NONE
        gone = set(self.ids) & state.keys()
        return len(gone), len(state) - len(gone)

    def by(self, service: Service, until: float) -> Outcome:
        done = service.delete("t", Selection(list(self.ids)), Deadline(until))
        assert done.count is not None
        return done.deleted, done.count


def components(seed: int, dimension: int) -> bytes:
    return np.random.default_rng(seed).standard_normal(dimension).astype("<f4").tobytes()


def vector(seed: int, dimension: int) -> v.F32:
    return np.frombuffer(components(seed, dimension), "<f4")


def entries(*rows: tuple[str, bytes, bytes | None]) -> list[NewVector]:
    return [
        NewVector(vector_id, np.frombuffer(components, "<f4"), None if text is None else msgspec.Raw(text))
        for vector_id, components, text in rows
    ]


def commits(blob: bytes) -> list[str]:
    """Return the ids of the latest commits that led to a blob; other tokens have a colon."""
    return [token for token in frame.decode_head(blob, len(blob)).envelope.applied if ":" not in token]


def read(blob: bytes) -> dict[str, Row]:
    """Return what a blob holds, by a decoder that has nothing but the blob; check its texts."""
    index = decode.open_blob(blob)
    assert not len(index) or index.text_fields == (index.params.text or {})
    assert stored_terms(index) == expected_terms(index)
    rows = index.rows
    texts = {vector_id: bytes(raw) for vector_id, raw in rows.metadata.items()}
    vectors = np.ascontiguousarray(rows.vectors, "<f4")
    return {
        vector_id: (vector.tobytes(), texts.get(vector_id)) for vector_id, vector in zip(rows.ids, vectors, strict=True)
    }


def rebuilt(blob: bytes) -> bytes:
    """Return the blob that one process makes of another's: all of it built again."""
    return encode.encode(decode.open_blob(blob), "t", "rebuilt", rebuild=True).blob


def looked_up(service: Service, vector_id: str, until: float) -> Row | None:
    try:
        found = service.lookup("t", vector_id, Deadline(until))
    except (VectorNotFound, IndexNotFound):
        return None
    return found.vector.astype("<f4").tobytes(), text_of(found.metadata)


def count(service: Service, until: float) -> int | None:
    """Return how many vectors there are, None where no index is."""
    try:
        return service.describe("t", Deadline(until)).count
    except IndexNotFound:
        return None


@dataclass(frozen=True)
class Asked:
    """A query and how many matches it wants."""

    query: v.F32
    k: int
    distance: Distance

    def distances(self, state: Mapping[str, Row]) -> dict[str, float]:
        vectors = np.array([np.frombuffer(row, "<f4") for row, _ in state.values()])
        return dict(zip(state, v.true_distances(vectors, self.query, self.distance).tolist(), strict=True))

    def is_answered(self, found: Sequence[Match], state: State) -> bool:
        """Return True if `found` is the exact result for `state`, bit for bit as stored; equal distances may swap."""
        if not state:
            return state is not None and not found
        truth, pairs = self.distances(state), [(match.distance, match.id) for match in found]
        return (
            pairs == sorted(set(pairs))
            and [distance for distance, _ in pairs] == pytest.approx(sorted(truth.values())[: self.k], abs=1e-9)
            and all(distance == pytest.approx(truth.get(vector_id, -1), abs=1e-9) for distance, vector_id in pairs)
            and all(
                (match.vector.astype("<f4").tobytes(), text_of(match.metadata)) == state[match.id] for match in found
            )
        )

    def recall(self, found: Sequence[Match], state: Mapping[str, Row]) -> float:
        """Return the share of the true nearest that was found; more of equal distance count as true."""
        truth = self.distances(state)
        bound = sorted(truth.values())[: self.k][-1] + 1e-9
        return sum(truth[match.id] <= bound for match in found) / min(self.k, len(truth))


def holds(service: Service, state: State, ids: Sequence[str], asked: Asked, until: float) -> None:
    """Hold everything that a service says of index `t` against what it should hold."""
    assert count(service, until) == (None if state is None else len(state))
    if state is None:
        with pytest.raises(IndexNotFound):
            service.search("t", a_query(asked.query, asked.k), Deadline(until))
        return
    assert {vector_id: looked_up(service, vector_id, until) for vector_id in ids} == {
        vector_id: state.get(vector_id) for vector_id in ids
    }
    exact = service.search("t", a_query(asked.query, asked.k, recall=1), Deadline(until)).answer
    assert exact.count == len(state)
    assert asked.is_answered(exact.matches, state)
    if state:
        near = service.search("t", a_query(asked.query, asked.k), Deadline(until)).answer
        assert asked.recall(near.matches, state) >= 0.95


def text_of(raw: msgspec.Raw | None) -> bytes | None:
    return None if raw is None else bytes(raw)
