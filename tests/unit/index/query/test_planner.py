"""Which plan a search by ranges gets, and that it reaches the recall it was chosen for."""

import numpy as np
import pytest
from msgspec.structs import replace

from tests.support import datasets
from tests.support import vectors as v
from tests.support.sections import PACKED, cold
from vectord.index.codec import decode
from vectord.index.query import planner, search
from vectord.index.state import Base, Index


@pytest.fixture(scope="module")
def blob() -> bytes:
    """Rows whose neighbours are in many ranges: noise in many directions."""
    return v.blob_of_matrix(datasets.decaying(20_000, 256, 3, 0.45), "cosine", thresholds=PACKED, m=2)


@pytest.fixture(scope="module")
def index(blob: bytes) -> Index:
    return decode.open_blob(blob)


def base_of(index: Index) -> Base:
    assert index.base is not None
    return index.base


@pytest.mark.slow
def test_a_build_measures_that_more_requests_find_more(index: Index) -> None:
    curve = base_of(index).calibration["ranges"]
    assert list(curve) == sorted(curve)
    assert curve[min(curve)] < curve[max(curve)]


@pytest.mark.parametrize("recall", [0.9, 0.95])
@pytest.mark.slow
def test_a_search_by_ranges_reaches_the_target_recall(index: Index, blob: bytes, recall: float) -> None:
    assert planner.plan_by_ranges(base_of(index), index.live, 10, recall) is not None
    by_ranges, _ = cold(blob)
    vectors = index.rows.vectors
    found = []
    for query in vectors[:60] * 0.7 + vectors[60:120] * 0.3:
        answer = search.search(by_ranges, query, 10, recall)
        assert answer.plan == "ranges"
        true = search.search(index, query, 10, 1.0)
        found.append(len(set(v.ids(answer)) & set(v.ids(true))) / 10)
    assert np.mean(found) >= recall


@pytest.mark.slow
def test_there_is_no_plan_by_ranges_where_none_reaches_the_recall(index: Index) -> None:
    base = base_of(index)
    poor = replace(base, calibration={**base.calibration, "ranges": {42: 0.5}})
    assert planner.plan_by_ranges(poor, index.live, 10, 0.95) is None
    assert planner.plan_by_ranges(base, index.live, 10, 1.0) is None


@pytest.mark.slow
def test_more_matches_get_proportionally_more_requests(index: Index) -> None:
    few, many = (planner.plan_by_ranges(base_of(index), index.live, k, 0.9) for k in (10, 30))
    assert few is not None
    assert many is not None
    assert many.requests == 3 * few.requests
