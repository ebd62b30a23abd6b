"""The recall that a build measures holds for queries that it never saw, whatever the data are like."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from tests.support import datasets
from tests.support import vectors as v
from tests.support.datasets import Draw, mixture, one_hot, repeated, textlike
from tests.support.sections import PACKED
from tests.support.vectors import F32
from vectord.index.codec import decode
from vectord.index.query import search
from vectord.index.sections.graph import exact_scan_is_cheap
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds
from vectord.lhv1.params import Distance

QUERIES = 240
FORMS = {"packed": PACKED, "plain": Thresholds(packed=1 << 40)}


@dataclass(frozen=True)
class Kind:
    draw: Draw
    dimension: int
    distance: Distance


# More dimensions mean fewer rows, which build faster.
KINDS = {
    "text": Kind(textlike(768), 768, "cosine"),
    "mixture": Kind(mixture(384, 40, 0.5), 384, "euclidean"),
    "mixture, cosine": Kind(mixture(384, 200), 384, "cosine"),
    "two dimensions": Kind(mixture(2, 40, 0.5), 2, "cosine"),
    "noise": Kind(mixture(384, 1), 384, "cosine"),
    "duplicates": Kind(repeated(384), 384, "cosine"),
    "tight clusters far apart": Kind(mixture(384, 30, 1e-3), 384, "cosine"),
    "tight clusters, euclidean": Kind(mixture(512, 150, 1e-2), 512, "euclidean"),
    "far from the origin": Kind(lambda rng, rows: textlike(384)(rng, rows) + 50, 384, "euclidean"),
    "word counts": Kind(one_hot(200), 200, "cosine"),
}


def rows_beyond_a_cheap_scan(dimension: int) -> int:
    """Return the least number of rows for which a build calibrates a forest."""
    return next(
        rows for rows in range(4_000_000 // (dimension + 64), 1 << 30) if not exact_scan_is_cheap(rows, dimension)
    )


@dataclass(frozen=True)
class Data:
    """Rows, queries of the same distribution, and the distance of each query's true tenth neighbour."""

    matrix: F32
    queries: F32
    tenths: list[float]


@cache
def data(name: str) -> Data:
    kind = KINDS[name]
    rows = rows_beyond_a_cheap_scan(kind.dimension)
    drawn = kind.draw(np.random.default_rng(3), rows + QUERIES)
    matrix, queries = drawn[:rows], drawn[rows:]
    return Data(matrix, queries, v.Oracle(matrix, kind.distance).nearest_of_each(queries, 10)[:, 9].tolist())


@cache
def index(name: str, form: str) -> Index:
    kind = KINDS[name]
    blob = v.blob_of_matrix(data(name).matrix, kind.distance, thresholds=FORMS[form], m=4)
    return decode.open_blob(blob)


def recall(name: str, form: str, promised: float) -> float:
    """Return the share of the ten nearest that searches with this target recall find; ties count as found."""
    hits = 0
    for query, tenth in zip(data(name).queries, data(name).tenths, strict=True):
        found = search.search(index(name, form), query, 10, promised).matches
        hits += sum(match.distance <= tenth + 1e-9 for match in found)
    return hits / (10 * QUERIES)


# The plain form has the forest's curve alone, which is measured in the same way; fewer kinds of data show it.
CASES = [("packed", name) for name in KINDS] + [("plain", name) for name in ("text", "word counts")]


@pytest.mark.parametrize(("form", "name"), CASES)
@pytest.mark.slow
def test_a_promised_recall_holds_for_queries_that_the_build_never_saw(form: str, name: str) -> None:
    measured = {promised: recall(name, form, promised) for promised in (0.9, 0.95, 0.99)}
    assert {promised: found for promised, found in measured.items() if found < promised} == {}


@pytest.mark.slow
def test_a_target_recall_of_1_is_exact() -> None:
    assert recall("noise", "packed", 1.0) == 1.0


@pytest.mark.slow
def test_curves_ascend_and_stop_where_a_scan_is_cheaper_or_nearly_all_is_found() -> None:
    base = index("text", "packed").base
    assert base is not None
    assert base.parts
    assert set(base.calibration) == {"forest"}
    for curve in base.calibration.values():
        assert list(curve) == sorted(curve)
        assert all(0 <= recall <= 1 for recall in curve.values())
        assert list(curve.values())[-1] == max(curve.values())
    for points in (base.parts.shape.warm, base.parts.shape.cold):
        assert [point.probes for point in points] == sorted(point.probes for point in points)
        assert max(point.recall_10 for point in points) >= 0.95


def test_an_index_that_is_scanned_has_no_curve_of_a_forest() -> None:
    small = v.of_matrix(datasets.gaussian(500, 64), "cosine")
    assert small.base is not None
    assert small.base.calibration == {}
