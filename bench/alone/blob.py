"""Building and opening a blob without the service: seconds and bytes."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.data import Dataset
from bench.measure import best
from vectord.index import state
from vectord.index.codec import decode as codec_decode
from vectord.index.codec import encode
from vectord.index.mutations import with_rows
from vectord.lhv1 import frame
from vectord.lhv1.params import new_params

_COMMIT = "0" * 32

Curves = Mapping[str, Mapping[int, float]]


@dataclass(frozen=True, slots=True)
class Built:
    """The blob of a data set; `seconds` from rows to blob, `sections` in bytes, `curves` of the calibration."""

    blob: bytes
    seconds: float
    sections: Mapping[str, int]
    curves: Curves


@dataclass(frozen=True, slots=True)
class DecodeTimes:
    """Seconds to decode the frame, and to open the index including that."""

    decode: float
    open: float


def build(data: Dataset, runs: int) -> Built:
    empty = state.empty_index(new_params(data.name, data.dimension))
    index = with_rows(empty, data.rows)
    seconds, encoded = best(lambda: encode.encode(index, data.name, _COMMIT), runs)
    base = codec_decode.open_blob(encoded.blob).base
    curves = base.calibration if base else {}
    return Built(encoded.blob, seconds, {entry.name: entry.bytes for entry, _ in encoded.sections}, curves)


def decode_times(blob: bytes, runs: int) -> DecodeTimes:
    return DecodeTimes(
        decode=best(lambda: frame.decode(blob), runs)[0],
        open=best(lambda: codec_decode.open_blob(blob), runs)[0],
    )
