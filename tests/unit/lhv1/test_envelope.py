"""The envelope of a packed index: which sections need each other, row counts, and reading only the head."""

import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectord.errors import BlobCorrupt, BlobUnsupported
from vectord.lhv1 import frame
from vectord.lhv1.frame import Envelope
from vectord.lhv1.params import Params

ROW = 12  # bytes of a row of dimension 3
SKETCH, ROWS, GRAPH, FIRST, SECOND = b"s" * 5, b"r" * 7, b"g" * 11, b"t" * 2 * ROW, b"u" * ROW
BODY = SKETCH + ROWS + GRAPH + FIRST + SECOND


def _entry(name: str, data: bytes, **changed: object) -> dict[str, object]:
    return {"name": name, "bytes": len(data), "crc32": f"{zlib.crc32(data):08x}", "id": f"c1/{name}", **changed}


def _plain(**changed: object) -> dict[str, object]:
    """Return an envelope with four rows in the graph and three in two tails; one of each is removed."""
    return {
        "version": 2,
        "params": {"name": "n", "dimension": 3},
        "ids": ["x", "y", "z"],
        "metadata": {"x": 1},
        "sections": [
            _entry("sketch", SKETCH),
            _entry("rows", ROWS),
            _entry("graph", GRAPH),
            _entry("tail", FIRST),
            _entry("tail", SECOND),
        ],
        "removed": [2, 5],
        "graph_rows": 4,
        **changed,
    }


def _sealed(envelope: dict[str, object], body: bytes = BODY, padding: bytes = b"") -> bytes:
    covered = json.dumps(envelope)[:-1].encode()
    raw = covered + f',"crc32":"{zlib.crc32(covered):08x}"}}'.encode() + padding
    return struct.pack(">4sI", b"LHV1", len(raw)) + raw + body


def _without(*names: str) -> Callable[[dict[str, Any]], tuple[dict[str, Any], bytes]]:
    def change(envelope: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        parts = zip(envelope["sections"], [SKETCH, ROWS, GRAPH, FIRST, SECOND], strict=True)
        kept = [(entry, data) for entry, data in parts if entry["name"] not in names]
        return {**envelope, "sections": [entry for entry, _ in kept]}, b"".join(data for _, data in kept)

    return change


def test_a_packed_envelope_counts_the_rows_of_its_graph_and_of_all_its_tails() -> None:
    envelope = frame.decode(_sealed(_plain()))[0].envelope
    assert (envelope.packed_rows, envelope.base_rows, envelope.tail_rows, envelope.removed) == (4, 4, 3, [2, 5])


def test_sections_are_back_to_back_in_their_order() -> None:
    blob = _sealed(_plain())
    head, sections = frame.decode(blob)
    assert [bytes(data) for data in sections.values()] == [SKETCH, ROWS, GRAPH, FIRST, SECOND]
    assert [blob[start : start + 1] for start in head.section_starts()] == [b"s", b"r", b"g", b"t", b"u"]


@pytest.mark.parametrize("names", [["sketch"], ["tail"], ["sketch", "tail"]])
def test_a_packed_index_may_lack_a_sketch_or_a_tail(names: list[str]) -> None:
    whole = _plain() if "tail" not in names else _plain(ids=[], metadata={}, removed=[2])
    head, _ = frame.decode(_sealed(*_without(*names)(whole)))
    assert head.envelope.base_rows == 4


def test_a_packed_index_may_have_one_row() -> None:
    head, _ = frame.decode(_sealed(_plain(graph_rows=1, removed=[])))
    assert (head.envelope.packed_rows, head.envelope.tail_rows) == (1, 3)


def test_columns_need_rows() -> None:
    more = [_entry("columns", b"cc"), *_plain()["sections"]]
    assert frame.decode(_sealed(_plain(sections=more), b"cc" + BODY))[0].envelope.sections[0].name == "columns"
    lonely = _plain(sections=[_entry("columns", b"cc"), _entry("graph", GRAPH)], ids=["x"], metadata={}, removed=[])
    del lonely["graph_rows"]
    with pytest.raises(BlobCorrupt, match="belong together"):
        frame.decode(_sealed(lonely, b"cc" + GRAPH))


@pytest.mark.parametrize("names", [["rows"], ["graph"], ["graph", "sketch"], ["graph", "rows"], ["rows", "sketch"]])
def test_a_section_without_one_that_it_needs_is_corrupt(names: list[str]) -> None:
    with pytest.raises(BlobCorrupt):
        frame.decode(_sealed(*_without(*names)(_plain())))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"graph_rows": 0}, id="rows without their count"),
        pytest.param({"graph_rows": -4}, id="a negative count"),
        pytest.param({"ids": ["x", "y"]}, id="fewer ids than rows of the tail"),
        pytest.param({"ids": ["x", "y", "z", "w"]}, id="more ids than rows of the tail"),
        pytest.param({"removed": [7]}, id="removed after the last row"),
        pytest.param({"removed": [-1]}, id="removed before the first"),
        pytest.param({"removed": [2, 2]}, id="removed twice"),
        pytest.param({"ids": ["x", "x", "z"], "removed": []}, id="an id of two live rows"),
        pytest.param({"metadata": {"w": 1}}, id="metadata of an unknown id"),
        pytest.param({"calibration": {"forest": {"2147483648": 0.9}}}, id="an effort above 31 bits"),
        pytest.param({"calibration": {"sketch": {"0": 0.9}}}, id="an effort of 0"),
        pytest.param({"calibration": {"sketch": {"100": 1.5}}}, id="a recall above 1"),
    ],
)
def test_contradictory_rows_are_corrupt(changed: dict[str, object]) -> None:
    with pytest.raises(BlobCorrupt):
        frame.decode(_sealed(_plain(**changed)))


@pytest.mark.parametrize(
    "changed",
    [
        {"calibration": {"forest": {"1": 0, "2147483647": 1}}},
        {"calibration": {"sketch": {"1": 1.0}, "ranges": {"2": 0.0}}},
        {"removed": [0, 6], "metadata": {}},
    ],
)
def test_values_at_the_limits_of_their_ranges_are_read(changed: dict[str, object]) -> None:
    envelope = frame.decode(_sealed(_plain(**changed)))[0].envelope
    assert envelope.removed == changed.get("removed", [2, 5])


def test_an_id_may_be_listed_again_once_its_earlier_row_is_removed() -> None:
    envelope = frame.decode(_sealed(_plain(ids=["x", "x", "z"], removed=[4])))[0].envelope
    assert envelope.ids == ["x", "x", "z"]


@pytest.mark.parametrize("name", ["sketch", "columns", "rows", "graph"])
def test_only_the_section_tail_may_repeat(name: str) -> None:
    twice = [*_plain()["sections"], _entry("columns", b"once"), _entry(name, b"again")]
    with pytest.raises(BlobCorrupt, match="twice"):
        frame.decode(_sealed(_plain(sections=twice), BODY + b"onceagain"))


@pytest.mark.parametrize("length", [1, ROW - 1, ROW + 1])
def test_a_tail_must_have_whole_rows(length: int) -> None:
    sections = [*_plain()["sections"][:3], _entry("tail", b"t" * length)]
    with pytest.raises(BlobCorrupt, match="length"):
        frame.decode(_sealed(_plain(sections=sections, ids=["x"], removed=[]), SKETCH + ROWS + GRAPH + b"t" * length))


@pytest.mark.parametrize("less", [1, 5])
def test_a_negative_section_length_is_corrupt_even_if_the_sum_is_right(less: int) -> None:
    sketch, rows, *others = _plain()["sections"]
    lengths = [{**sketch, "bytes": -less}, {**rows, "bytes": len(SKETCH) + len(ROWS) + less}]
    with pytest.raises(BlobCorrupt, match="length"):
        frame.decode(_sealed(_plain(sections=[*lengths, *others])))


def test_an_unknown_section_is_unsupported() -> None:
    more = [*_plain()["sections"], _entry("filters", b"f")]
    with pytest.raises(BlobUnsupported, match="filters"):
        frame.decode(_sealed(_plain(sections=more), BODY + b"f"))


def test_the_error_names_the_damaged_section() -> None:
    blob = bytearray(_sealed(_plain()))
    blob[-1] ^= 1
    with pytest.raises(BlobCorrupt, match="'tail'"):
        frame.decode(bytes(blob))


def _envelope() -> Envelope:
    sections = [frame.section_entry("rows", "c1/rows", ROWS), frame.section_entry("graph", "c1/graph", GRAPH)]
    return Envelope(2, Params("n", 3), sections=sections, graph_rows=4)


@given(padded=st.integers(0, 3_000))
def test_a_padded_head_has_the_given_size_and_the_same_content(padded: int) -> None:
    head = frame.encode_head(_envelope(), padded)
    assert len(head) == max(padded, len(frame.encode_head(_envelope())))
    decoded, sections = frame.decode(head + ROWS + GRAPH)
    assert (decoded.envelope, decoded.body_start) == (_envelope(), len(head))
    assert [bytes(data) for data in sections.values()] == [ROWS, GRAPH]


def test_a_head_can_be_read_without_the_body() -> None:
    blob = _sealed(_plain())
    head = frame.decode_head(blob[: -len(BODY)], len(blob))
    assert (head.body_start, head.size) == (len(blob) - len(BODY), len(blob))


def test_a_truncated_head_says_how_many_bytes_are_needed() -> None:
    blob = _sealed(_plain())
    for length in range(len(blob) - len(BODY)):
        with pytest.raises(frame.Truncated) as truncated:
            frame.decode_head(blob[:length], len(blob))
        assert truncated.value.needed == (8 if length < 8 else len(blob) - len(BODY))


@pytest.mark.parametrize("length", [0, 7])
def test_an_object_shorter_than_a_head_is_corrupt_and_not_truncated(length: int) -> None:
    with pytest.raises(BlobCorrupt, match=f"{length} bytes"):
        frame.decode_head(_sealed(_plain())[:length], length)


def test_an_envelope_longer_than_the_object_is_corrupt_and_not_truncated() -> None:
    blob = _sealed(_plain())
    with pytest.raises(BlobCorrupt, match="exceeds the object"):
        frame.decode_head(blob[:8], 8 + int.from_bytes(blob[4:8], "big") - 1)


def test_the_padding_of_a_head_need_not_be_read() -> None:
    blob = _sealed(_plain(), padding=b" \n\t\r" * 5_000)
    bare = len(_sealed(_plain(), b""))
    head = frame.decode_head(blob[:bare], len(blob))
    assert head.body_start == len(blob) - len(BODY)
    with pytest.raises(frame.Truncated):
        frame.decode_head(blob[: bare - 1], len(blob))


@pytest.mark.parametrize("size", [-1, 1])
def test_a_head_whose_sections_do_not_fill_the_object_is_corrupt(size: int) -> None:
    blob = _sealed(_plain())
    with pytest.raises(BlobCorrupt):
        frame.decode_head(blob, len(blob) + size)


@given(length=st.integers(0, 4_000), at=st.integers(0, 3_999), flip=st.integers(1, 255))
def test_an_altered_or_truncated_head_is_refused(length: int, at: int, flip: int) -> None:
    blob = _sealed(_plain())
    end = len(blob) - len(BODY)
    damaged = bytearray(blob[: min(length, end)])
    if at < len(damaged):
        damaged[at] ^= flip
    elif length >= end:
        return
    with pytest.raises((BlobCorrupt, BlobUnsupported, frame.Truncated)):
        frame.decode_head(bytes(damaged), len(blob))
