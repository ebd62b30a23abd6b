"""The key `pieces` of an envelope: what it counts, and which sections and ids it excludes."""

import json
import struct
import zlib
from typing import Any

import msgspec
import pytest

from vectord.errors import BlobCorrupt, BlobUnsupported
from vectord.lhv1 import frame
from vectord.lhv1.frame import Envelope
from vectord.lhv1.params import Params

NEW, OLD, ROWS, GRAPH, TAIL = b"new" * 9, b"old" * 7, b"r" * 7, b"g" * 11, b"t" * 12


def entries(**sections: bytes) -> list[dict[str, Any]]:
    return [
        {"name": name.rstrip("0123456789"), "bytes": len(data), "crc32": f"{zlib.crc32(data):08x}", "id": name}
        for name, data in sections.items()
    ]


def blob(sections: dict[str, bytes], **changed: Any) -> bytes:
    """Return a blob with two pieces, of 3 and 5 rows, before a graph of 4 rows, with the given changes."""
    envelope = {
        "version": 2,
        "params": {"name": "n", "dimension": 3},
        "sections": entries(**sections),
        "graph_rows": 4,
        "pieces": [3, 5],
        **changed,
    }
    text = json.dumps({key: value for key, value in envelope.items() if value is not None})[:-1].encode()
    raw = text + f',"crc32":"{zlib.crc32(text):08x}"}}'.encode()
    return struct.pack(">4sI", b"LHV1", len(raw)) + raw + b"".join(sections.values())


BASE = {"rows": ROWS, "graph": GRAPH}
PACKED = {"piece1": NEW, "piece2": OLD, **BASE}


def test_rows_of_pieces_are_rows_of_the_tail() -> None:
    envelope = frame.decode(blob(PACKED, removed=[0, 11]))[0].envelope
    assert (envelope.base_rows, envelope.tail_rows, envelope.listed_tail_rows) == (4, 8, 0)
    assert envelope.pieces == [3, 5]


def test_an_index_may_have_pieces_alone() -> None:
    pieces = {"piece1": NEW, "piece2": OLD}
    envelope = frame.decode(blob(pieces, graph_rows=None, removed=[7]))[0].envelope
    assert (envelope.base_rows, envelope.tail_rows) == (0, 8)


def test_the_key_is_written_only_with_pieces() -> None:
    envelope = Envelope(2, Params("n", 3))
    assert b"pieces" not in frame.encode_head(envelope)
    assert b'"pieces":[3,5]' in frame.encode_head(msgspec.structs.replace(envelope, pieces=[3, 5]))


CONTRADICTIONS = {
    "no key": (PACKED, {"pieces": None}),
    "no section": (BASE, {}),
    "an empty key and no section": (BASE, {"pieces": []}),
    "an empty key": (PACKED, {"pieces": []}),
    "fewer counts than sections": (PACKED, {"pieces": [8]}),
    "more counts than sections": (PACKED, {"pieces": [3, 4, 1]}),
    "a piece without rows": (PACKED, {"pieces": [8, 0]}),
    "a negative count": (PACKED, {"pieces": [9, -1]}),
    "a count that is not a uint32": (PACKED, {"pieces": [3, 2**32]}),
    "a piece after another section": ({"piece1": NEW, **BASE, "piece2": OLD}, {}),
    "a piece between sections": ({"piece1": NEW, "rows": ROWS, "piece2": OLD, "graph": GRAPH}, {}),
    "a section tail": ({**PACKED, "tail": TAIL}, {"ids": ["x"]}),
    "a section tail without its id": ({**PACKED, "tail": TAIL}, {}),
    "ids of pieces in the envelope": (PACKED, {"ids": list("abcdefgh")}),
    "an id in the envelope": (PACKED, {"ids": ["x"]}),
    "metadata in the envelope": (PACKED, {"metadata": {"x": 1}}),
    "a graph in the plain form": ({"piece1": NEW, "piece2": OLD, "graph": GRAPH}, {"graph_rows": None, "ids": ["x"]}),
    "a graph without ids": ({"piece1": NEW, "piece2": OLD, "graph": GRAPH}, {"graph_rows": None}),
    "a removed row after the last": (PACKED, {"removed": [12]}),
}


@pytest.mark.parametrize(("sections", "changed"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_a_contradiction_is_corrupt(sections: dict[str, bytes], changed: dict[str, Any]) -> None:
    with pytest.raises(BlobCorrupt):
        frame.decode(blob(sections, **changed))


@pytest.mark.parametrize("pieces", ["3", {"0": 3}, [3.5, 5], [None, 5], [[3, 5]], 8])
def test_a_key_of_another_type_is_unsupported(pieces: object) -> None:
    with pytest.raises(BlobUnsupported):
        frame.decode(blob(PACKED, pieces=pieces))
