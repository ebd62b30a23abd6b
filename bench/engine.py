"""The engine by itself: what a build costs, what the blob weighs, what opening it takes."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.data import Dataset
from bench.timing import best
from vectord import forest, frame
from vectord import index as ix
from vectord.index import Index, planner
from vectord.index.graph import layout_of, open_graph
from vectord.params import new_params

_COMMIT = "0" * 32


@dataclass(frozen=True, slots=True)
class Built:
    """The blob of a data set; `seconds` is from rows to blob, and `parts` says where it goes."""

    blob: bytes
    seconds: float
    parts: Mapping[str, float]
    curve: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Codec:
    """Seconds of one pass each: blob from an index that has its forest, frame from blob, index from blob."""

    encode: float
    decode: float
    open: float


def build(data: Dataset, runs: int) -> Built:
    empty = ix.create(new_params(data.name, data.dimension))
    index = ix.with_rows(empty, data.rows)
    seconds, (blob, sealed) = best(lambda: ix.encode(index, data.name, _COMMIT), runs)
    return Built(blob, seconds, _parts(index, runs), sealed.curve)


def codec(blob: bytes, runs: int) -> Codec:
    index = ix.open_blob(blob)
    return Codec(
        encode=best(lambda: ix.encode(index, index.params.name, _COMMIT), runs)[0],
        decode=best(lambda: frame.decode(blob), runs)[0],
        open=best(lambda: ix.open_blob(blob), runs)[0],
    )


def _parts(index: Index, runs: int) -> dict[str, float]:
    layout, vectors, params = layout_of(index.params), index.rows.vectors, index.params
    grow, data = best(lambda: forest.build(vectors, layout, params.m), runs)
    opening, graph = best(lambda: open_graph(data, layout, len(vectors)), runs)
    parts = {"forest": grow, "check and open": opening}
    if trees := graph.forest:
        measure = best(lambda: planner.calibrate(graph.vectors, trees, graph.scale, params.distance), runs)
        parts["calibration"] = measure[0]
    return parts
