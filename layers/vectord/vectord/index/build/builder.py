"""Build the sections of an index from its rows, and calibrate its search strategies."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import structs

from vectord.forest.forest import Trees, build_forest
from vectord.index.build.calibration import Calibrator, Curve
from vectord.index.build.locality import locality_order
from vectord.index.columns.collect import collect_columns
from vectord.index.columns.writer import pack_columns
from vectord.index.kernels.exact_scan import RowNorms, measure_norms
from vectord.index.query.planner import K, SearchPlan, cost, effort_for
from vectord.index.query.query import DEFAULT_RECALL
from vectord.index.rows import Rows
from vectord.index.sections import documents, sketch
from vectord.index.sections.base import MemorySection
from vectord.index.sections.graph import exact_scan_is_cheap, layout_of
from vectord.index.sections.sketch import Sketch
from vectord.index.thresholds import Thresholds
from vectord.lhv1.frame import Data
from vectord.lhv1.params import Params
from vectord.lhv1.parts_shape import PartsShape
from vectord.parallel import Parallel

MIN_SKETCH_DIMENSION: Final = 32  # below it, one bit per dimension distinguishes too few rows
PILOT_TREES: Final = 2  # of the small forest that shows whether a forest of all trees is worth its build
_PILOT_TOLERANCE: Final = 2.0  # a pilot up to twice as slow as the sketch can still win with all its trees


class Built(msgspec.Struct, frozen=True):
    """The sections by name in the order of the body, the rows in the order of their numbers, and the calibration.

    `parts` is what the envelope says about the section `parts`, if there is one.
    """

    sections: Mapping[str, Data]
    rows: Rows
    calibration: Mapping[str, Curve]
    packed: bool
    parts: PartsShape | None = None


def build(rows: Rows, params: Params, thresholds: Thresholds) -> Built:
    """Build all sections over `rows`, at least one, in the plain or the packed form according to their size."""
    layout = layout_of(params)
    size = len(rows.ids) * layout.node_size + sum(map(len, rows.ids)) + sum(map(len, rows.metadata.values()))
    if size >= thresholds.packed:
        return _build_packed(rows, params)
    scan_is_cheap = exact_scan_is_cheap(len(rows.ids), params.dimension)
    graph, trees = build_forest(rows.vectors, layout, params.m)
    calibration = {} if scan_is_cheap else _plain_calibration(trees, rows, params)
    return Built({"graph": graph}, rows, calibration, packed=False)


def _plain_calibration(trees: Trees, rows: Rows, params: Params) -> dict[str, Curve]:
    norms = measure_norms(rows.vectors, params.distance)
    curve = Calibrator(rows.vectors, norms, layout_of(params)).forest_curve(trees, {})
    return {"forest": curve} if curve else {}


def _build_packed(rows: Rows, params: Params) -> Built:
    layout = layout_of(params)
    norms = measure_norms(rows.vectors, params.distance)
    if norms.float32_safe:
        order = locality_order(rows.vectors)
        rows, norms = rows.ordered(order), structs.replace(norms, norms=norms.norms[order])
    # Annoy releases the interpreter lock while it builds the pilot, and needs only the vectors.
    pilot = Parallel(lambda: build_forest(rows.vectors, layout, min(PILOT_TREES, params.m)), "vectord-pilot")
    calibrator = Calibrator(rows.vectors, norms, layout)
    sections, curves = _other_sections(rows, norms, params, calibrator)
    sections["graph"], trees = pilot.result()
    if norms.float32_safe and not exact_scan_is_cheap(len(rows), params.dimension):
        curves["forest"] = calibrator.forest_curve(trees, curves.get("sketch", {}))
    if params.m > PILOT_TREES and _forest_may_win(curves, len(rows), params.dimension):
        del trees
        sections["graph"], trees = build_forest(rows.vectors, layout, params.m)
        curves["forest"] = calibrator.forest_curve(trees, curves.get("sketch", {}))
    return Built(sections, rows, {strategy: curve for strategy, curve in curves.items() if curve}, packed=True)


def _other_sections(
    rows: Rows, norms: RowNorms, params: Params, calibrator: Calibrator
) -> tuple[dict[str, bytes], dict[str, Curve]]:
    """Return the sections other than the graph (sketch, columns, documents), and the calibration of the sketch."""
    sections, curves = dict[str, bytes](), dict[str, Curve]()
    if norms.float32_safe and params.dimension >= MIN_SKETCH_DIMENSION:
        sections["sketch"] = sketch.build(rows.vectors, params.distance)
        view = Sketch(MemorySection(sections["sketch"]), len(rows), params.dimension, params.distance)
        curves |= {"sketch": calibrator.sketch_curve(view), "ranges": calibrator.ranges_curve(view)}
    if rows.metadata and (
        columns := pack_columns(collect_columns([rows.metadata.get(vector_id) for vector_id in rows.ids]))
    ):
        sections["columns"] = columns
    sections["rows"] = documents.pack_documents(rows.ids, rows.metadata)
    return sections, curves


def _forest_may_win(curves: Mapping[str, Curve], rows: int, dimension: int) -> bool:
    """Return True if, by the calibration of the pilot, a forest of all trees could be cheaper than the sketch."""
    sketch_effort = effort_for(curves.get("sketch", {}), K, DEFAULT_RECALL)
    if sketch_effort is None:
        return True
    pilot_effort = effort_for(curves.get("forest", {}), K, DEFAULT_RECALL)
    if pilot_effort is None:
        return False
    sketch_cost = cost(SearchPlan("sketch", sketch_effort), rows, dimension)
    return cost(SearchPlan("forest", pilot_effort), rows, dimension) < _PILOT_TOLERANCE * sketch_cost
