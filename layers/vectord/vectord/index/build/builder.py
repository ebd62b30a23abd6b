"""Build the sections of an index from its rows, and measure what they are worth."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec
from msgspec import structs

from vectord.forest.build import grow
from vectord.forest.trees import Trees
from vectord.index.build.calibration import Curve, Trial
from vectord.index.build.locality import near_order
from vectord.index.kernels import exact_scan
from vectord.index.kernels.exact_scan import Scale
from vectord.index.query import planner
from vectord.index.query.planner import K, SearchPlan, cost, effort_for
from vectord.index.query.query import DEFAULT_RECALL
from vectord.index.rows import Rows
from vectord.index.sections import documents, sketch
from vectord.index.sections.base import InMemory
from vectord.index.sections.graph import layout_of
from vectord.index.sections.sketch import Sketch
from vectord.index.thresholds import Thresholds
from vectord.lhv1.params import Params

# Below so many dimensions a sketch of one bit each says too little.
LEAST_SKETCHED: Final = 32
PILOT: Final = 2  # trees that tell what a forest would be worth
_FAR: Final = 2.0


class Built(msgspec.Struct, frozen=True):
    """The sections by name in the order of the body, the rows in the order that they number, and the calibration."""

    sections: Mapping[str, bytes]
    rows: Rows
    curves: Mapping[str, Curve]
    packed: bool


def build(rows: Rows, params: Params, sizes: Thresholds) -> Built:
    """Build everything over `rows`, at least one, in the form that their size asks for."""
    layout = layout_of(params)
    size = len(rows) * layout.node_size + sum(map(len, rows.ids)) + sum(map(len, rows.metadata.values()))
    if size < sizes.packed:
        graph, trees = grow(rows.vectors, layout, params.m)
        return Built({"graph": graph}, rows, _forest_curve(trees, rows, params), packed=False)
    return _packed(rows, params)


def _forest_curve(trees: Trees, rows: Rows, params: Params) -> dict[str, Curve]:
    if planner.scan_is_small(len(rows), params.dimension):
        return {}
    trial = Trial(rows.vectors, exact_scan.scale(rows.vectors, params.distance), layout_of(params))
    curve = trial.forest(trees, {})
    return {"forest": curve} if curve else {}


def _packed(rows: Rows, params: Params) -> Built:
    layout = layout_of(params)
    scale = exact_scan.scale(rows.vectors, params.distance)
    if scale.tame:
        order = near_order(rows.vectors)
        rows, scale = rows.ordered(order), structs.replace(scale, norms=scale.norms[order])
    # Annoy leaves the interpreter to others while it grows, and needs nothing but the rows.
    with ThreadPoolExecutor(1) as pool:
        growing = pool.submit(grow, rows.vectors, layout, min(PILOT, params.m))
        sections, curves, trial = _measured(rows, scale, params)
        sections["graph"], trees = growing.result()
    if scale.tame and not planner.scan_is_small(len(rows), params.dimension):
        curves["forest"] = trial.forest(trees, curves.get("sketch", {}))
    if params.m > PILOT and _forest_is_worth_it(curves, len(rows), params.dimension):
        del trees
        sections["graph"], trees = grow(rows.vectors, layout, params.m)
        curves["forest"] = trial.forest(trees, curves.get("sketch", {}))
    return Built(sections, rows, {way: curve for way, curve in curves.items() if curve}, packed=True)


def _measured(rows: Rows, scale: Scale, params: Params) -> tuple[dict[str, bytes], dict[str, Curve], Trial]:
    """Return the sections beside the graph, what the sketch among them finds, and the trial that measured it."""
    trial = Trial(rows.vectors, scale, layout_of(params))
    sections, curves = dict[str, bytes](), dict[str, Curve]()
    if scale.tame and params.dimension >= LEAST_SKETCHED:
        sections["sketch"] = sketch.build(rows.vectors, params.distance)
        view = Sketch(InMemory(sections["sketch"]), len(rows), params.dimension, params.distance)
        curves |= {"sketch": trial.sketch(view), "ranges": trial.ranges(view)}
    sections |= _columns(rows)
    sections["rows"] = documents.pack(rows.ids, rows.metadata)
    return sections, curves, trial


def _columns(rows: Rows) -> dict[str, bytes]:
    # Imported at the first build: most functions make none.
    from vectord.index.columns.collect import gathered  # noqa: PLC0415
    from vectord.index.columns.writer import pack  # noqa: PLC0415

    packed = pack(gathered([rows.metadata.get(vector_id) for vector_id in rows.ids])) if rows.metadata else b""
    return {"columns": packed} if packed else {}


def _forest_is_worth_it(curves: Mapping[str, Curve], rows: int, dimension: int) -> bool:
    """Tell from a pilot of a few trees whether all of them could beat the sketch, which takes their size and time."""
    best = effort_for(curves.get("sketch", {}), K, DEFAULT_RECALL)
    if best is None:
        return True
    piloted = effort_for(curves.get("forest", {}), K, DEFAULT_RECALL)
    return piloted is not None and cost(SearchPlan("forest", piloted), rows, dimension) < _FAR * cost(
        SearchPlan("sketch", best), rows, dimension
    )
