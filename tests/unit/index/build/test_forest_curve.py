"""The recall of a forest is measured only where it can be cheaper than a search over partitions."""

import pytest

from tests.support.datasets import decaying, gaussian
from tests.support.vectors import F32
from vectord.forest import forest
from vectord.forest.forest import Layout, Trees
from vectord.index.build import calibration
from vectord.index.build.calibration import Calibrator
from vectord.index.kernels.exact_scan import measure_norms
from vectord.lhv1.parts_shape import PartsShape, WarmPoint

pytestmark = pytest.mark.slow  # measured recalls

ROWS = 20_000
# Partitions that find nearly all of the neighbours in hardly any time.
CHEAP = PartsShape(300, 600, warm=(WarmPoint(1, 10, 10, 0.999, 0.999),))


def calibrated(vectors: F32, trees: int) -> tuple[Calibrator, Trees]:
    layout = Layout("angular", vectors.shape[1])
    return Calibrator(vectors, measure_norms(vectors, "cosine"), layout), forest.build(vectors, layout, trees)[1]


@pytest.fixture(autouse=True)
def _cost_is_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "_FOREST_COST_LIMIT", 1_000.0)


def test_a_forest_that_finds_little_is_measured_with_some_queries_only(monkeypatch: pytest.MonkeyPatch) -> None:
    calibrator, forest = calibrated(gaussian(ROWS, 64), 2)
    assert calibrator.forest_curve(forest, CHEAP) == {}
    monkeypatch.setattr(calibration, "_LEAST_OF_SOME", 0.0)
    assert min(calibrator.forest_curve(forest, CHEAP).values()) < 0.4


def test_a_forest_that_finds_much_is_measured_beside_cheap_partitions() -> None:
    calibrator, forest = calibrated(gaussian(ROWS, 3), 12)
    curve = calibrator.forest_curve(forest, CHEAP)
    assert max(curve.values()) >= 0.9
    assert curve == {effort: recall for effort, recall in calibrator.forest_curve(forest).items() if effort in curve}


def test_of_very_many_rows_no_forest_is_measured_if_there_are_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "_MOST_ROWS", ROWS - 1)
    monkeypatch.setattr(calibration, "_LEAST_OF_SOME", 0.0)
    calibrator, forest = calibrated(decaying(ROWS, 192), 2)
    assert calibrator.forest_curve(forest, CHEAP) == {}
    assert calibrator.forest_curve(forest)
    monkeypatch.setattr(calibration, "_MOST_ROWS", ROWS)
    assert calibrator.forest_curve(forest, CHEAP)
