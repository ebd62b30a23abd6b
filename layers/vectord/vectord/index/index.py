"""One state of an index, from and to its blob."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from vectord import forest, frame
from vectord.index import applied, planner
from vectord.index.graph import Graph, layout_of, open_graph
from vectord.index.rows import Rows, no_rows
from vectord.params import Params


@dataclass(frozen=True, eq=False)
class Index:
    """A state of an index.

    `graph` is the forest over exactly `rows`, None where there are none or where they have changed since; `curve` is
    its calibration, effort -> recall@10; `commit` and `applied` name the commits that led here; `size` is the blob's,
    in bytes.
    """

    params: Params
    rows: Rows
    graph: Graph | None = None
    curve: Mapping[int, float] = field(default_factory=dict)
    commit: str = ""
    applied: tuple[str, ...] = ()
    size: int = 0

    def has_applied(self, token: str) -> bool:
        """Tell whether commit `token` led to this state, as the last one or one of the recent ones before it."""
        return token == self.commit or token in self.applied


def create(params: Params) -> Index:
    return Index(params, no_rows(params.dimension))


def with_rows(index: Index, rows: Rows) -> Index:
    """Return `index` with other rows, which have no forest until they are encoded."""
    return replace(index, rows=rows, graph=None, curve={})


def with_upload(index: Index, key: str, sequencer: str) -> Index:
    """Return `index` with the upload that changed it on record, so that its repeat changes nothing."""
    return replace(index, applied=applied.with_upload(index.applied, key, sequencer))


def open_blob(blob: bytes) -> Index:
    """Return the index that `blob` holds, ready to search.

    Raises:
        BlobCorrupt: bytes or counts of it are wrong.
        BlobUnsupported: it was written by a version unknown here.
    """
    decoded = frame.decode(blob)
    envelope, section = decoded.envelope, decoded.section("graph")
    index = Index(
        envelope.params,
        no_rows(envelope.params.dimension),
        curve=envelope.calibration.get("forest", {}),
        commit=envelope.commit,
        applied=tuple(envelope.applied),
        size=len(blob),
    )
    if section is None:
        return index
    graph = open_graph(section.data, layout_of(envelope.params), len(envelope.ids))
    return replace(index, rows=Rows(envelope.ids, graph.vectors, envelope.metadata), graph=graph)


def encode(index: Index, name: str, commit: str) -> tuple[bytes, Index]:
    """Return the blob that commit `commit` writes under `name`, and the index that it holds.

    The forest is grown, and measured, where the rows have none yet.
    """
    if index.graph or not len(index.rows):
        data, grown = bytes(index.graph.buffer) if index.graph else b"", index
    else:
        data, grown = _grow(index)
    sealed = replace(
        grown,
        params=msgspec.structs.replace(grown.params, name=name),
        commit=commit,
        applied=applied.with_commit(grown.applied, commit),
    )
    sections = [frame.Section("graph", f"{commit}/graph", data)] if data else []
    blob = frame.encode(_envelope(sealed), sections)
    return blob, replace(sealed, size=len(blob))


def _grow(index: Index) -> tuple[bytes, Index]:
    layout, rows = layout_of(index.params), index.rows
    data = forest.build(rows.vectors, layout, index.params.m)
    graph = open_graph(data, layout, len(rows))
    curve = planner.calibrate(graph.vectors, graph.forest, graph.scale, index.params.distance) if graph.forest else {}
    # The vectors are taken from the graph, so that the copy that the change made can go.
    return data, replace(index, rows=Rows(rows.ids, graph.vectors, rows.metadata), graph=graph, curve=curve)


def _envelope(index: Index) -> frame.Envelope:
    return frame.Envelope(
        version=frame.VERSION,
        params=index.params,
        ids=list(index.rows.ids),
        metadata=dict(index.rows.metadata),
        commit=index.commit,
        applied=list(index.applied),
        calibration={"forest": dict(index.curve)} if index.curve else {},
    )
