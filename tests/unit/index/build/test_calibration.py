"""What a build measures holds for questions that it never saw, whatever the data are like."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from tests.support import vectors as v
from tests.support.sections import PACKED
from tests.support.vectors import F32
from vectord.index import mutations
from vectord.index.codec import decode, encode
from vectord.index.query import search
from vectord.index.query.planner import _CHEAP_SCAN_COMPONENTS, exact_scan_is_cheap
from vectord.index.rows import Item
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds
from vectord.lhv1.params import Distance

QUESTIONS = 60
Draw = Callable[[np.random.Generator, int], F32]


def textlike(dimension: int) -> Draw:
    """Directions that matter less and less, around 60 topics, as embeddings of text lie."""
    centres = np.random.default_rng(1).standard_normal((60, dimension))

    def draw(rng: np.random.Generator, rows: int) -> F32:
        weights = np.arange(1, dimension + 1) ** -0.6
        drawn = (2 * centres[rng.integers(0, 60, rows)] + rng.standard_normal((rows, dimension))) * weights
        return drawn.astype(np.float32)

    return draw


def mixture(dimension: int, clusters: int, spread: float) -> Draw:
    """Round clusters, near or far."""
    centres = np.random.default_rng(1).standard_normal((clusters, dimension))

    def draw(rng: np.random.Generator, rows: int) -> F32:
        drawn = centres[rng.integers(0, clusters, rows)] + spread * rng.standard_normal((rows, dimension))
        return drawn.astype(np.float32)

    return draw


def repeated(dimension: int) -> Draw:
    """Few vectors, each of them many times."""
    few = textlike(dimension)(np.random.default_rng(2), 700)

    def draw(rng: np.random.Generator, rows: int) -> F32:
        return few[rng.integers(0, len(few), rows)]

    return draw


def one_hot(dimension: int) -> Draw:
    """Five components of many are set, as in counts of words: most distances are equal."""

    def draw(rng: np.random.Generator, rows: int) -> F32:
        drawn = np.zeros((rows, dimension), np.float32)
        drawn[np.arange(rows)[:, None], rng.integers(0, dimension, (rows, 5))] = 1
        return drawn

    return draw


@dataclass(frozen=True)
class Kind:
    name: str
    draw: Draw
    dimension: int
    distance: Distance


KINDS = [
    Kind("text", textlike(128), 128, "cosine"),
    Kind("text, euclidean", textlike(96), 96, "euclidean"),
    Kind("mixture", mixture(32, 40, 0.5), 32, "euclidean"),
    Kind("mixture, cosine", mixture(64, 200, 1.0), 64, "cosine"),
    Kind("few dimensions", mixture(8, 40, 0.5), 8, "euclidean"),
    Kind("two dimensions", mixture(2, 40, 0.5), 2, "cosine"),
    Kind("many dimensions", textlike(1_536), 1_536, "cosine"),
    Kind("noise", mixture(128, 1, 1.0), 128, "cosine"),
    Kind("duplicates", repeated(64), 64, "cosine"),
    Kind("tight clusters far apart", mixture(64, 30, 1e-3), 64, "cosine"),
    Kind("tight clusters, euclidean", mixture(128, 300, 1e-2), 128, "euclidean"),
    Kind("far from the origin", lambda rng, rows: textlike(64)(rng, rows) + 50, 64, "euclidean"),
    Kind("words", one_hot(200), 200, "cosine"),
]


@dataclass(frozen=True)
class Case:
    index: Index
    queries: F32
    tenths: list[float]

    def recall(self, promised: float) -> float:
        hits = 0
        for query, tenth in zip(self.queries, self.tenths, strict=True):
            found = search.search(self.index, query, 10, promised).matches
            hits += sum(match.distance <= tenth + 1e-9 for match in found)
        return hits / (10 * len(self.queries))


@cache
def case(name: str, packed: bool) -> Case:
    kind = next(kind for kind in KINDS if kind.name == name)
    rows = _CHEAP_SCAN_COMPONENTS // (kind.dimension + 64) + 1
    assert not exact_scan_is_cheap(rows, kind.dimension)
    drawn = kind.draw(np.random.default_rng(3), rows + QUESTIONS)
    matrix, queries = drawn[:rows], drawn[rows:]
    tenths = [float(np.partition(v.true_distances(matrix, query, kind.distance), 9)[9]) for query in queries]
    items = [Item(str(row), vector) for row, vector in enumerate(matrix)]
    index = mutations.upsert(v.empty(kind.dimension, kind.distance, m=8), items)[0]
    return Case(
        decode.open_blob(encode.encode(index, "t", "c", thresholds=PACKED if packed else Thresholds(1 << 40)).blob),
        queries,
        tenths,
    )


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
@pytest.mark.parametrize("name", [kind.name for kind in KINDS])
def test_a_promised_recall_is_kept_for_held_out_questions(name: str, packed: bool) -> None:
    measured = {promised: case(name, packed).recall(promised) for promised in (0.9, 0.95, 0.99)}
    assert {promised: recall for promised, recall in measured.items() if recall < promised} == {}


def test_an_exact_recall_is_exact() -> None:
    assert case("noise", True).recall(1.0) == 1.0


def test_curves_ascend_with_effort_and_stop_where_the_scan_is_cheaper_or_all_is_found() -> None:
    base = case("text", True).index.base
    assert base is not None
    assert set(base.calibration) == {"sketch", "ranges", "forest"}
    for curve in base.calibration.values():
        assert list(curve) == sorted(curve)
        assert all(0 <= recall <= 1 for recall in curve.values())
        assert list(curve.values())[-1] == max(curve.values())


def test_an_index_that_is_scanned_needs_no_forests_curve() -> None:
    index = v.of_matrix(textlike(64)(np.random.default_rng(1), 500), "cosine")
    assert index.base is not None
    assert index.base.calibration == {}
