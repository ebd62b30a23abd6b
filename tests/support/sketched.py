"""Packed blobs as an earlier vectord built them: with a section `sketch` in place of `parts`."""

import struct

from tests.support.hostile import Blob, Section, take_apart
from tests.support.vectors import F32
from vectord.index.codec import decode
from vectord.index.kernels import codes
from vectord.lhv1.params import Distance

# Recalls as a build of that vectord could have measured them on the data of tests.
CALIBRATION = {"sketch": {"200": 0.9, "400": 0.98, "800": 1.0}, "ranges": {"42": 0.97, "63": 0.985}}


def sketch_of(vectors: F32, distance: Distance) -> bytes:
    """Return the section `sketch` of `vectors` (n, dimension), n >= 1."""
    mean = codes.mean_of(vectors, distance)
    words = codes.encode(vectors, mean, distance).words
    head = struct.pack("<II", len(vectors), words.shape[1]) + mean.astype("<f4").tobytes()
    return head + bytes(-len(head) % 8) + words.T.astype("<u8").tobytes()


def with_sketch(blob: bytes) -> bytes:
    """Return a packed blob with partitions as the same rows with a sketch."""
    base, taken = decode.open_blob(blob).base, take_apart(blob)
    assert base is not None
    assert taken.sections[0].name == "parts"
    data = sketch_of(base.graph.whole_vectors, base.graph.distance)
    sections = [Section("sketch", data, {"id": "built/sketch"}), *taken.sections[1:]]
    keys = {key: value for key, value in taken.envelope.items() if key != "parts"}
    return Blob({**keys, "calibration": CALIBRATION}, sections).data
