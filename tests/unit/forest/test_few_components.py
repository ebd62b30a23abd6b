"""Trees that are built over few components are trees over all of them, which plain Annoy searches as well."""

from pathlib import Path

import annoy
import numpy as np
import pytest

from tests.support.datasets import decaying, gaussian
from tests.support.vectors import F32, forest_file
from vectord.forest import few_components
from vectord.forest.forest import Layout, Metric

DIMENSION, TREES = 200, 3
METRICS: list[Metric] = ["angular", "euclidean"]


@pytest.fixture(autouse=True)
def _few_rows_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_components, "_MIN_ROWS", 4_096)


def vectors_of(metric: Metric, rows: int = 6_000) -> F32:
    """Return rows with a decaying spectrum, far from zero where lengths may differ."""
    return decaying(rows, DIMENSION, exponent=0.9) + np.float32(metric == "euclidean")


def plain_annoy(graph: bytes | memoryview, metric: Metric, folder: Path) -> annoy.AnnoyIndex:
    (folder / "graph.ann").write_bytes(graph)
    plain = annoy.AnnoyIndex(DIMENSION, metric)
    plain.load(str(folder / "graph.ann"))
    return plain


@pytest.mark.parametrize("metric", METRICS)
def test_the_file_is_sound_and_has_the_vectors_in_order(metric: Metric, tmp_path: Path) -> None:
    vectors, layout, order = vectors_of(metric), Layout(metric, DIMENSION), np.random.default_rng(1).permutation(6_000)
    assert few_components.leading_products(vectors, metric) is not None
    graph, trees = few_components.build(vectors, layout, TREES, order)
    layout.check(graph, len(vectors))
    plain = plain_annoy(graph, metric, tmp_path)
    assert (plain.get_n_items(), plain.get_n_trees(), trees.count) == (len(vectors), TREES, TREES)
    assert plain.get_item_vector(77) == vectors[order[77]].tolist()
    whole = _whole(vectors[order], layout)
    assert bytes(graph[: len(vectors) * layout.node_size]) == whole[: len(vectors) * layout.node_size]


def _whole(vectors: F32, layout: Layout) -> bytes:
    """Return the file that is built over all components."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(few_components, "_MIN_ROWS", len(vectors) + 1)
        return forest_file(vectors, layout, TREES)


@pytest.mark.parametrize("metric", METRICS)
def test_each_tree_has_every_row_in_one_leaf_of_the_size_of_the_layout(metric: Metric) -> None:
    vectors, layout = vectors_of(metric), Layout(metric, DIMENSION)
    graph = memoryview(forest_file(vectors, layout, TREES))
    counts, children, rows = layout.descendants(graph), layout.children(graph), len(vectors)

    def rows_of(node: int) -> list[int]:
        if node < rows:
            return [node]
        if counts[node] <= layout.bucket:
            return children[node, : counts[node]].tolist()
        return [row for child in children[node, :2].tolist() for row in rows_of(child)]

    for root in range(len(counts) - TREES, len(counts)):
        assert sorted(rows_of(root)) == list(range(rows))
    leaves = counts[rows:][counts[rows:] <= layout.bucket]
    assert leaves.mean() > layout.bucket / 2  # those of few components would have up to 98 rows


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
def test_plain_annoy_finds_as_much_as_in_trees_over_all_components(metric: Metric, tmp_path: Path) -> None:
    vectors, layout = vectors_of(metric, 12_000), Layout(metric, DIMENSION)
    rows, queries = vectors[:11_900], vectors[11_900:]
    unit = rows / np.linalg.norm(rows, axis=1)[:, None] if metric == "angular" else rows
    products = queries @ unit.T if metric == "angular" else queries @ rows.T - np.vecdot(rows, rows) / 2
    true = np.argsort(-products, axis=1)[:, :10]

    def recall(graph: bytes) -> float:
        plain = plain_annoy(graph, metric, tmp_path)
        found = [plain.get_nns_by_vector(query.tolist(), 10, 1_200) for query in queries]
        return float(np.mean([len(np.intersect1d(*pair)) for pair in zip(found, true, strict=True)])) / 10

    assert recall(forest_file(rows, layout, TREES)) >= recall(_whole(rows, layout)) - 0.03 > 0.5


def test_equal_rows_give_equal_bytes() -> None:
    vectors, layout = vectors_of("angular"), Layout("angular", DIMENSION)
    assert forest_file(vectors, layout, 2) == forest_file(vectors, layout, 2)


def test_equal_rows_that_no_split_separates_are_in_leaves() -> None:
    vectors, layout = vectors_of("angular"), Layout("angular", DIMENSION)
    vectors[:3_000] = vectors[0]
    layout.check(forest_file(vectors, layout, TREES), len(vectors))


@pytest.mark.parametrize("scale", [0, 1e-44, 1e38, np.inf])
def test_rows_whose_lengths_float32_cannot_have_are_built_over_all_components(scale: float) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        vectors = gaussian(5_000, DIMENSION) * np.float32(scale)
    assert few_components.leading_products(vectors, "angular") is None


def test_rows_without_leading_directions_are_built_over_all_components() -> None:
    assert few_components.leading_products(gaussian(5_000, 2 * DIMENSION), "angular") is None
    assert few_components.leading_products(vectors_of("angular")[:, :191], "angular") is None
    assert few_components.leading_products(vectors_of("angular")[:4_000], "angular") is None
