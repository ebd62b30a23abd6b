"""An index that an earlier vectord built, with a sketch: searched as before, and upgraded by its next build."""

import numpy as np
import pytest

from tests.support import datasets
from tests.support import vectors as v
from tests.support.sections import PACKED, PackedIndex, cold
from tests.support.sketched import with_sketch
from tests.support.vectors import F32
from vectord.index import mutations
from vectord.index.codec import decode
from vectord.index.query import search
from vectord.index.query.query import Answer
from vectord.index.sections.graph import exact_scan_is_cheap
from vectord.index.state import Index
from vectord.lhv1 import frame

ROWS, DIMENSION, K = 8_000, 168, 10

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("early_strategies")]  # a large index


def _data(rows: int, seed: int) -> F32:
    return datasets.textlike(DIMENSION)(np.random.default_rng(seed), rows)


@pytest.fixture(scope="module", params=["cosine", pytest.param("euclidean", marks=pytest.mark.slow)])
def old(request: pytest.FixtureRequest, early_strategies: None) -> PackedIndex:
    assert not exact_scan_is_cheap(ROWS, DIMENSION)
    items = v.items_of(_data(ROWS, 1))
    packed = PackedIndex(mutations.upsert(v.empty(DIMENSION, request.param, m=2), items)[0], PACKED)
    packed.blob = with_sketch(packed.blob)
    packed.index = decode.open_blob(packed.blob)
    return packed


def _answers(index: Index, strategy: str) -> list[Answer]:
    """Return the answers of some queries; check that the strategy found them and that most neighbours are in them."""
    rows, hits, answers = index.rows, 0, []
    oracle = v.Oracle(rows.vectors, index.params.distance)
    for query in _data(20, 9):
        answer = search.search(index, query, K)
        assert answer.strategy == strategy
        true = {rows.ids[row] for row in np.argsort(oracle.distances(query))[:K]}
        hits += len(true & set(v.ids(answer)))
        answers.append(answer)
    assert hits >= 0.95 * K * len(answers)
    return answers


def test_it_is_searched_by_its_sketch(old: PackedIndex) -> None:
    _answers(old.index, "sketch")


def test_a_cold_search_reads_its_sketch_and_ranges(old: PackedIndex) -> None:
    index, fetch = cold(old.blob)
    answer = search.search(index, _data(1, 9)[0], K)
    assert (answer.plan, answer.strategy) == ("ranges", "sketch")
    assert index.base
    assert index.base.sketch
    assert index.base.sketch.section.size < fetch.bytes < len(old.blob)


def test_an_add_keeps_its_sketch(old: PackedIndex) -> None:
    added = old.branch()
    added.add(v.item("new", _data(1, 3)[0]))
    names = [entry.name for entry in added.envelope.sections]
    assert (names[:2], "parts" in names) == (["piece", "sketch"], False)
    assert search.search(added.index, _data(1, 3)[0], 1).matches[0].id == "new"


def test_its_next_build_has_partitions_instead(old: PackedIndex) -> None:
    rebuilt = old.branch()
    rebuilt.commit(rebuilt.index, rebuild=True)
    envelope = frame.decode(rebuilt.blob)[0].envelope
    assert [entry.name for entry in envelope.sections] == ["parts", "rows", "graph"]
    assert envelope.parts
    for before, after in zip(_answers(old.index, "sketch"), _answers(rebuilt.index, "partitions"), strict=True):
        distances = {match.id: match.distance for match in before.matches}
        assert all(distances.get(match.id, match.distance) == match.distance for match in after.matches)
