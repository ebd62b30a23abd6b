"""The forest: built in bulk, readable by plain Annoy, sound before it is searched."""

from pathlib import Path

import annoy
import numpy as np
import pytest

from tests.support.vectors import forest_file
from vectord.errors import BlobCorrupt
from vectord.forest.forest import Layout, bulk_load_works, load

METRICS = ["angular", "euclidean"]


def _vectors(rows: int, dimension: int) -> np.ndarray:
    return np.random.default_rng(rows).normal(size=(rows, dimension)).astype(np.float32)


@pytest.mark.parametrize("metric", METRICS)
def test_the_bulk_load_writes_what_plain_add_item_writes(metric: str) -> None:
    assert bulk_load_works(metric)


@pytest.mark.parametrize("metric", METRICS)
def test_equal_rows_give_equal_bytes(metric: str) -> None:
    vectors = _vectors(500, 5)
    assert forest_file(vectors, Layout(metric, 5), 4) == forest_file(vectors, Layout(metric, 5), 4)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("rows", "dimension"), [(1, 1), (1, 4096), (2, 3), (7, 1), (300, 2), (3000, 40)])
def test_plain_annoy_reads_back_every_vector_bit_for_bit(
    metric: str, rows: int, dimension: int, tmp_path: Path
) -> None:
    vectors = _vectors(rows, dimension)
    (tmp_path / "graph.ann").write_bytes(forest_file(vectors, Layout(metric, dimension), 3))
    plain = annoy.AnnoyIndex(dimension, metric)
    plain.load(str(tmp_path / "graph.ann"))
    read = np.array([plain.get_item_vector(row) for row in range(rows)], np.float32)
    assert read.tobytes() == vectors.tobytes()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("rows", "dimension"), [(1, 1), (2, 3), (7, 1), (300, 2), (3000, 40)])
def test_a_built_forest_passes_the_check(metric: str, rows: int, dimension: int) -> None:
    layout = Layout(metric, dimension)
    layout.check(forest_file(_vectors(rows, dimension), layout, 3), rows)


@pytest.mark.parametrize("scale", [1e-44, 1e-30, 1e20, 1e38])
@pytest.mark.parametrize("metric", METRICS)
def test_vectors_at_the_limits_of_float32_can_be_built(metric: str, scale: float) -> None:
    layout, vectors = Layout(metric, 3), _vectors(2000, 3).clip(-1, 1) * np.float32(scale)
    layout.check(forest_file(vectors, layout, 2), 2000)


def test_a_search_with_effort_for_all_rows_finds_the_row_itself() -> None:
    vectors, layout = _vectors(2000, 8), Layout("angular", 8)
    forest = load(np.frombuffer(forest_file(vectors, layout, 8), np.uint8), layout)
    assert forest.candidates(vectors[77], 5, 20_000)[0] == 77


def test_a_mapped_forest_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    vectors, layout = _vectors(2000, 8), Layout("angular", 8)
    forest = load(np.frombuffer(forest_file(vectors, layout, 8), np.uint8), layout)
    assert list(tmp_path.iterdir()) == []
    assert len(forest.candidates(vectors[0], 5, 100)) == 5


@pytest.mark.parametrize(("built", "read"), [(4, 3), (3, 4), (3, 8)])
def test_a_sound_file_of_another_dimension_is_refused(built: int, read: int) -> None:
    graph = forest_file(_vectors(100, built), Layout("angular", built), 2)
    with pytest.raises(BlobCorrupt):
        Layout("angular", read).check(graph, 100)


@pytest.mark.parametrize("rows", [99, 101, 0])
def test_a_count_that_disagrees_with_the_file_is_refused(rows: int) -> None:
    layout = Layout("angular", 4)
    with pytest.raises(BlobCorrupt):
        layout.check(forest_file(_vectors(100, 4), layout, 2), rows)


@pytest.mark.parametrize("metric", METRICS)
def test_a_file_of_the_other_metric_is_refused(metric: str) -> None:
    other = "euclidean" if metric == "angular" else "angular"
    with pytest.raises(BlobCorrupt):
        Layout(other, 6).check(forest_file(_vectors(500, 6), Layout(metric, 6), 2), 500)


@pytest.mark.parametrize("child", [-1, 10**9])
def test_a_child_outside_the_file_is_refused(child: int) -> None:
    layout, rows = Layout("angular", 4), 500
    graph = bytearray(forest_file(_vectors(rows, 4), layout, 2))
    root = len(graph) - layout.node_size
    at = root + layout.children_offset
    graph[at : at + 4] = child.to_bytes(4, "little", signed=True)
    with pytest.raises(BlobCorrupt):
        layout.check(bytes(graph), rows)


def test_a_tree_with_a_cycle_is_refused() -> None:
    layout, rows = Layout("angular", 4), 500
    graph = bytearray(forest_file(_vectors(rows, 4), layout, 2))
    last = len(graph) // layout.node_size - 1
    at = last * layout.node_size + layout.children_offset
    graph[at : at + 4] = last.to_bytes(4, "little")
    with pytest.raises(BlobCorrupt):
        layout.check(bytes(graph), rows)
