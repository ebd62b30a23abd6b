"""Which plan a search by ranges gets, and that it reaches the recall it was chosen for."""

import numpy as np
import pytest
from msgspec.structs import replace

from tests.support import datasets
from tests.support import vectors as v
from tests.support.sections import PACKED, cold, stored_object
from vectord.index import mutations
from vectord.index.codec import decode, encode
from vectord.index.query import efforts, planner, search, speed
from vectord.index.query.query import Query
from vectord.index.rows import Item
from vectord.index.state import Base, Index
from vectord.lhv1.parts_shape import ColdPoint


@pytest.fixture(scope="module")
def blob() -> bytes:
    """Rows whose neighbours are in many ranges: noise in many directions."""
    return v.blob_of_matrix(datasets.decaying(20_000, 256, 3, 0.45), "cosine", thresholds=PACKED, m=2)


@pytest.fixture(scope="module")
def index(blob: bytes) -> Index:
    return decode.open_blob(blob)


@pytest.fixture(scope="module")
def small_blob() -> bytes:
    """Fewer rows of the same kind, too few for efforts in memory."""
    return v.blob_of_matrix(datasets.decaying(6_000, 192, 3, 0.45), "cosine", thresholds=PACKED, m=2)


@pytest.fixture(scope="module")
def small(small_blob: bytes) -> Index:
    return decode.open_blob(small_blob)


def base_of(index: Index) -> Base:
    assert index.base is not None
    return index.base


@pytest.mark.parametrize(("recall", "measured"), [(0.8, 0.842), (0.95, 0.962), (0.985, 0.99), (0.99, 0.994)])
def test_the_margin_falls_with_what_is_missing(recall: float, measured: float) -> None:
    assert efforts.required_of_partitions(recall) == measured


@pytest.mark.parametrize(("recall", "effort"), [(0.9, 200), (0.95, 400), (0.98, 600)])
def test_an_effort_of_forest_or_sketch_must_exceed_the_target_by_a_margin(recall: float, effort: int) -> None:
    curve = {100: 0.905, 200: 0.925, 300: 0.955, 400: 0.975, 500: 0.985, 600: 0.995}
    assert planner.effort_for(curve, 10, recall) == effort


@pytest.mark.slow
def test_a_build_keeps_efforts_in_memory_for_the_targets_with_their_margins(index: Index) -> None:
    parts = base_of(index).parts
    assert parts
    recalls = [point.recall_10 for point in parts.shape.warm]
    for target in (0.9, 0.95, 0.98):
        required = efforts.required_of_partitions(target)
        assert min(recall for recall in recalls if recall >= required) < required + 0.015
    assert planner.warm_plans(parts.shape, 10, 0.95)


@pytest.mark.slow
def test_a_build_measures_that_more_requests_find_more(index: Index) -> None:
    parts = base_of(index).parts
    assert parts
    by_requests = {point.requests: point.recall_100 for point in parts.shape.cold}
    assert by_requests[min(by_requests)] < by_requests[max(by_requests)]


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
    assert base.parts
    poor = replace(
        base, parts=replace(base.parts, shape=replace(base.parts.shape, cold=(ColdPoint(4, 32, 4, 0.5, 0.2),)))
    )
    assert planner.plan_by_ranges(poor, index.live, 10, 0.95) is None
    assert planner.plan_by_ranges(base, index.live, 10, 1.0) is None


@pytest.mark.slow
def test_up_to_100_matches_get_the_requests_that_were_measured_for_100(small: Index) -> None:
    of_10, of_11, of_100 = (planner.plan_by_ranges(base_of(small), small.live, k, 0.8) for k in (10, 11, 100))
    assert of_10
    assert of_11 == of_100
    assert of_11
    assert of_11.requests > of_10.requests


@pytest.mark.slow
def test_more_than_100_matches_get_proportionally_more_requests(small: Index) -> None:
    few, many = (planner.plan_by_ranges(base_of(small), small.live, k, 0.8) for k in (100, 300))
    assert few
    assert many
    assert many.requests == 3 * few.requests


@pytest.mark.slow
def test_the_codes_of_the_tail_count_in_the_time_of_a_search_by_ranges(
    small_blob: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = decode.open_blob(small_blob)
    rows = [Item(f"more{row}", vector, None) for row, vector in enumerate(np.eye(190, 192, dtype=np.float32))]
    encoded = encode.encode(mutations.upsert(written, rows)[0], "t", "second", thresholds=PACKED)
    index, _ = cold(stored_object(encoded, small_blob), capacity=1 << 30)
    [piece] = index.tail.pieces
    all_bytes = sum(section.size for section, _ in (*index.sections, *base_of(index).auxiliary[1:]))
    whole = speed.REQUEST_SECONDS + all_bytes / speed.BYTES_PER_SECOND
    half_of_the_codes = piece.head[1] / 2 / speed.BYTES_PER_SECOND
    query = Query(10, (np.ones(192, np.float32),), recall=0.8)

    def is_by_ranges(less_than_whole: float) -> bool:
        monkeypatch.setattr(planner, "_range_seconds", lambda *_: whole - less_than_whole)
        return planner.choose_ranges(index, base_of(index), index.live, query, 10) is not None

    assert [is_by_ranges(half_of_the_codes), is_by_ranges(3 * half_of_the_codes)] == [False, True]
