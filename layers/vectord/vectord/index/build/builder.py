"""Build the sections of an index from its rows, and calibrate its search strategies."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from vectord.forest import few_components, forest
from vectord.forest.forest import Trees
from vectord.index.build.calibration import Calibrator, Curve, cheapest
from vectord.index.build.partitioning.partition import partition
from vectord.index.build.rows_needed import EntriesOfRows
from vectord.index.columns.collect import collect_columns
from vectord.index.columns.writer import pack_columns
from vectord.index.kernels.blas import one_blas_thread
from vectord.index.kernels.exact_scan import measure_norms
from vectord.index.query.efforts import DEFAULT_RECALL, K
from vectord.index.query.planner import SearchPlan, cost, effort_for
from vectord.index.rows import Rows
from vectord.index.sections.base import MemorySection
from vectord.index.sections.documents_writer import pack_documents
from vectord.index.sections.graph import exact_scan_is_cheap, layout_of
from vectord.index.sections.parts import Parts
from vectord.index.sections.parts_writer import Partitioning, pack
from vectord.index.thresholds import Thresholds
from vectord.lhv1.frame import Data
from vectord.lhv1.params import Params
from vectord.lhv1.parts_shape import PartsShape
from vectord.lhv1.section_names import TEXT
from vectord.lhv1.text_fields import TextFields, of_sparse
from vectord.parallel import Parallel

PILOT_TREES: Final = 2  # of the small forest that shows whether a forest of all trees is worth its build
_PILOT_TOLERANCE: Final = 2.0  # a pilot up to twice as slow as the partitions can still win with all its trees


type OfText = tuple[int, bytes]  # what the envelope says about a section of texts: the bytes of its front, its samples
type Report = Callable[[str], None]  # gets a phrase about each long step of a build: what the build does now


def ignore(_: str) -> None:
    """Report nothing."""


class Built(msgspec.Struct, frozen=True):
    """The sections by name in the order of the body, the ids in the order of their rows, and the calibration.

    `parts` is what the envelope says about the section `parts`, if there is one. `text` are the bytes of the front
    of the section `text` and its samples, None if there is none.
    """

    sections: Mapping[str, Data]
    ids: Sequence[str]
    calibration: Mapping[str, Curve]
    packed: bool
    parts: PartsShape | None = None
    text: OfText | None = None


def build(rows: Rows, params: Params, thresholds: Thresholds, report: Report = ignore) -> Built:
    """Build all sections over `rows`, at least one, in the plain or the packed form according to their size."""
    layout = layout_of(params)
    size = len(rows.ids) * layout.node_size + sum(map(len, rows.ids)) + sum(map(len, rows.metadata.values()))
    if size >= thresholds.packed:
        with one_blas_thread():
            return _build_packed(rows, params, report)
    scan_is_cheap = exact_scan_is_cheap(len(rows.ids), params.dimension)
    graph, trees = forest.build(rows.vectors, layout, params.m)
    calibration = {} if scan_is_cheap else _plain_calibration(trees, rows, params)
    texts, of_text = _texts(rows.ids, rows.metadata, params.text, report) if params.text else ({}, None)
    return Built({**texts, "graph": graph}, rows.ids, calibration, packed=False, text=of_text)


def _plain_calibration(trees: Trees, rows: Rows, params: Params) -> dict[str, Curve]:
    norms = measure_norms(rows.vectors, params.distance)
    with one_blas_thread():
        curve = Calibrator(rows.vectors, norms, layout_of(params)).forest_curve(trees)
    return {"forest": curve} if curve else {}


def _build_packed(rows: Rows, params: Params, report: Report) -> Built:
    layout = layout_of(params)
    norms = measure_norms(rows.vectors, params.distance)
    report(f"divides {len(rows):,} rows into partitions")
    partitioning = partition(rows.vectors, params.distance) if norms.float32_safe else None
    # The vectors stay in their old order, because a copy of them would be the largest part of a build's memory.
    order = partitioning.order if partitioning else None
    ids = rows.ids if order is None else [rows.ids[row] for row in order.tolist()]
    # Annoy releases the interpreter lock while it builds the pilot, and needs only the vectors.
    pilot = Parallel(
        lambda: few_components.build(rows.vectors, layout, min(PILOT_TREES, params.m), order), "vectord-pilot"
    )
    report("measures the recall of searches")
    calibrator = Calibrator(rows.vectors, norms, layout, order)
    sections, shape = _partitions(rows, params, partitioning, calibrator) if partitioning else ({}, None)
    texts, of_text = _texts(ids, rows.metadata, params.text, report) if params.text else ({}, None)
    sections |= _columns(ids, rows.metadata, params) | texts | {"rows": pack_documents(ids, rows.metadata)}
    sections["graph"], trees = pilot.result()
    curve = dict[int, float]()
    if norms.float32_safe and not exact_scan_is_cheap(len(rows), params.dimension):
        curve = calibrator.forest_curve(trees, shape)
    if params.m > PILOT_TREES and _forest_may_win(curve, shape, len(rows), params.dimension):
        del trees
        report(f"builds {params.m} trees")
        sections["graph"], trees = few_components.build(rows.vectors, layout, params.m, order)
        curve = calibrator.forest_curve(trees, shape)
    return Built(sections, ids, {"forest": curve} if curve else {}, packed=True, parts=shape, text=of_text)


def _partitions(
    rows: Rows, params: Params, partitioning: Partitioning, calibrator: Calibrator
) -> tuple[dict[str, Data], PartsShape]:
    """Return the section `parts`, and its shape with the calibration."""
    packed = pack(rows.vectors, partitioning, params.distance)
    parts = Parts(MemorySection(packed), len(rows), params.dimension, params.distance, partitioning.shape)
    return {"parts": packed}, calibrator.with_curves(
        parts, EntriesOfRows(partitioning.entry_rows, partitioning.first_entries)
    )


def _columns(ids: Sequence[str], metadata: Mapping[str, msgspec.Raw], params: Params) -> dict[str, Data]:
    """Return the section of columns, if there is metadata with values at a path."""
    if not metadata:
        return {}
    fields = params.text or {}
    collected = collect_columns(
        [metadata.get(vector_id) for vector_id in ids], without=fields, closed=of_sparse(fields)
    )
    columns = pack_columns(collected)
    return {"columns": columns} if columns else {}


def _texts(
    ids: Sequence[str], metadata: Mapping[str, msgspec.Raw], fields: TextFields, report: Report
) -> tuple[dict[str, Data], OfText]:
    """Return the section of the texts of declared fields, and what the envelope says about it."""
    from vectord.index.text.packing import pack_texts  # noqa: PLC0415  few indexes have texts

    report("analyses the texts")
    packed = pack_texts([metadata.get(vector_id) for vector_id in ids], fields)
    return {TEXT: packed.data}, (packed.front, packed.samples)


def _forest_may_win(curve: Curve, shape: PartsShape | None, rows: int, dimension: int) -> bool:
    """Return True if, by the calibration of the pilot, a forest of all trees could be cheaper than the partitions."""
    of_partitions = cheapest(shape, DEFAULT_RECALL, rows, dimension) if shape else None
    if of_partitions is None:
        return True
    effort = effort_for(curve, K)
    return effort is not None and cost(SearchPlan("forest", effort), rows, dimension) < _PILOT_TOLERANCE * of_partitions
