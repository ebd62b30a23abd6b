"""The key `parts` of the envelope: present exactly with the section `parts`, and with numbers that fit together."""

import json
import struct
import zlib
from typing import Any

import pytest

from vectord.errors import BlobCorrupt, BlobUnsupported
from vectord.lhv1 import frame
from vectord.lhv1.frame import Envelope
from vectord.lhv1.params import Params
from vectord.lhv1.parts_shape import ColdPoint, PartsShape, WarmPoint

PARTS, ROWS, GRAPH = b"p" * 5, b"r" * 7, b"g" * 11
SHAPE: dict[str, Any] = {
    "partitions": 4,
    "entries": 13,
    "warm": [[1, 8, 4, 0.5, 0.25], [1, 9, 4, 0.75, 0.5], [4, 10, 13, 1.0, 1.0]],
    "cold": [[2, 8, 3, 0.9, 0.0]],
}


def blob(shape: Any = SHAPE, names: tuple[str, ...] = ("parts", "rows", "graph"), **keys: object) -> bytes:
    """Return a packed blob of ten rows with these sections, and with `shape` as its key `parts` unless it is None."""
    data = {"parts": PARTS, "sketch": PARTS, "rows": ROWS, "graph": GRAPH}
    sections = [
        {"name": name, "bytes": len(data[name]), "crc32": f"{zlib.crc32(data[name]):08x}", "id": name} for name in names
    ]
    written = {"version": 2, "params": {"name": "n", "dimension": 3}, "sections": sections, "graph_rows": 10}
    written |= {**keys, **({} if shape is None else {"parts": shape})}
    covered = json.dumps(written)[:-1].encode()
    raw = covered + f',"crc32":"{zlib.crc32(covered):08x}"}}'.encode()
    return struct.pack(">4sI", b"LHV1", len(raw)) + raw + b"".join(data[name] for name in names)


def with_points(curve: str, *points: list[float]) -> dict[str, Any]:
    return {**SHAPE, curve: points}


def test_the_key_is_read_and_written() -> None:
    read = frame.decode(blob())[0].envelope
    assert read.parts == PartsShape(
        4,
        13,
        (WarmPoint(1, 8, 4, 0.5, 0.25), WarmPoint(1, 9, 4, 0.75, 0.5), WarmPoint(4, 10, 13, 1.0, 1.0)),
        (ColdPoint(2, 8, 3, 0.9, 0.0),),
    )
    assert frame.decode(frame.encode_head(read) + PARTS + ROWS + GRAPH)[0].envelope == read


def test_its_curves_have_the_best_recall_of_each_effort() -> None:
    read = frame.decode(blob())[0].envelope.parts
    assert read and read.curves == {"partitions": {1: 0.75, 4: 1.0}, "ranges": {3: 0.9}}
    assert PartsShape(4, 13).curves == {}


def test_an_envelope_without_the_section_does_not_have_the_key() -> None:
    assert b'"parts"' not in frame.encode_head(Envelope(2, Params("n", 3)))


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        pytest.param(None, ("parts", "rows", "graph"), id="a section without the key"),
        pytest.param(SHAPE, ("rows", "graph"), id="a key without the section"),
        pytest.param(SHAPE, ("parts", "sketch", "rows", "graph"), id="beside a sketch"),
        pytest.param(SHAPE, ("parts", "parts", "rows", "graph"), id="twice"),
        pytest.param(SHAPE, ("parts", "graph"), id="without rows"),
        pytest.param(SHAPE, ("parts", "rows"), id="without a graph"),
    ],
)
def test_the_section_needs_its_key_and_rows_and_excludes_a_sketch(shape: Any, names: tuple[str, ...]) -> None:
    with pytest.raises(BlobCorrupt):
        frame.decode(blob(shape, names))


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param({**SHAPE, "partitions": 0}, id="no partitions"),
        pytest.param({**SHAPE, "partitions": -1}, id="minus one partition"),
        pytest.param({**SHAPE, "partitions": 14}, id="more partitions than entries"),
        pytest.param({**SHAPE, "entries": 9}, id="fewer entries than rows"),
        pytest.param({**SHAPE, "entries": 21}, id="more than two entries a row"),
        pytest.param({**SHAPE, "entries": 2**70}, id="2^70 entries"),
        pytest.param(with_points("warm", [0, 8, 4, 0.5, 0.5]), id="no probe"),
        pytest.param(with_points("warm", [5, 8, 4, 0.5, 0.5]), id="more probes than partitions"),
        pytest.param(with_points("warm", [2, 8, 4, 0.5, 0.5], [1, 8, 4, 0.5, 0.5]), id="probes that descend"),
        pytest.param(with_points("cold", [2, 8, 4, 0.5, 0.5], [1, 8, 4, 0.5, 0.5]), id="cold probes that descend"),
        pytest.param(with_points("warm", [1, 0, 4, 0.5, 0.5]), id="no row"),
        pytest.param(with_points("warm", [1, 11, 4, 0.5, 0.5]), id="more rows than there are"),
        pytest.param(with_points("warm", [1, 8, 14, 0.5, 0.5]), id="more examined entries than there are"),
        pytest.param(with_points("warm", [1, 8, -1, 0.5, 0.5]), id="fewer examined entries than none"),
        pytest.param(with_points("cold", [1, 8, 0, 0.5, 0.5]), id="no request"),
        pytest.param(with_points("cold", [1, 8, 2**31, 0.5, 0.5]), id="2^31 requests"),
        pytest.param(with_points("warm", [1, 8, 4, 1.01, 0.5]), id="a recall above 1"),
        pytest.param(with_points("cold", [1, 8, 4, 0.5, -0.01]), id="a negative recall"),
    ],
)
def test_numbers_that_do_not_fit_together_are_corrupt(shape: Any) -> None:
    with pytest.raises(BlobCorrupt, match="'parts'"):
        frame.decode(blob(shape))


@pytest.mark.parametrize("graph_rows", [2**32 + 1, 2**62])
def test_more_rows_than_the_section_can_number_are_corrupt(graph_rows: int) -> None:
    with pytest.raises(BlobCorrupt, match="'parts'"):
        frame.decode(blob({**SHAPE, "entries": graph_rows}, graph_rows=graph_rows))


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param([4, 13], id="an array"),
        pytest.param({"partitions": 4}, id="no entries"),
        pytest.param({**SHAPE, "copies": 2}, id="another key"),
        pytest.param({**SHAPE, "partitions": 4.5}, id="half a partition"),
        pytest.param(with_points("warm", [1, 8, 4, 0.5]), id="a point of four numbers"),
        pytest.param(with_points("warm", [1, 8, 4, 0.5, 0.5, 0.5]), id="a point of six numbers"),
        pytest.param(with_points("warm", [1, 8.5, 4, 0.5, 0.5]), id="half a row"),
    ],
)
def test_another_form_of_the_key_is_unsupported(shape: Any) -> None:
    with pytest.raises(BlobUnsupported):
        frame.decode(blob(shape))


def test_a_reader_that_does_not_know_the_section_reports_the_blob_as_unsupported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frame, "SECTIONS", frame.SECTIONS - {"parts"})
    with pytest.raises(BlobUnsupported, match="'parts'"):
        frame.decode(blob())
