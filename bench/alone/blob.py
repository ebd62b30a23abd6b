"""The engine by itself: what a build costs, what the blob weighs, what opening it takes."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.data import Dataset
from bench.measure import best
from vectord.index import state
from vectord.index.codec import decode as codec_decode
from vectord.index.codec import encode
from vectord.lhv1 import frame
from vectord.lhv1.params import new_params

_COMMIT = "0" * 32

Curves = Mapping[str, Mapping[int, float]]


@dataclass(frozen=True, slots=True)
class Built:
    """The blob of a data set; `seconds` is from rows to blob, `sections` are its parts in bytes."""

    blob: bytes
    seconds: float
    sections: Mapping[str, int]
    curves: Curves


@dataclass(frozen=True, slots=True)
class Codec:
    """Seconds of one pass each: frame from blob, index from blob."""

    decode: float
    open: float


def build(data: Dataset, runs: int) -> Built:
    empty = state.empty_index(new_params(data.name, data.dimension))
    index = state.with_rows(empty, data.rows)
    seconds, encoded = best(lambda: encode.encode(index, data.name, _COMMIT), runs)
    base = codec_decode.open_blob(encoded.blob).base
    curves = base.calibration if base else {}
    return Built(encoded.blob, seconds, {entry.name: entry.bytes for entry, _ in encoded.sections}, curves)


def codec(blob: bytes, runs: int) -> Codec:
    return Codec(
        decode=best(lambda: frame.decode(blob), runs)[0],
        open=best(lambda: codec_decode.open_blob(blob), runs)[0],
    )
