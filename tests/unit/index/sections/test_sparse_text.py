"""A field of sparse vectors in the section `text`: its bytes, what is read of them, and what is refused."""

import struct
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.texts import packed, postings, resealed
from vectord.errors import BlobCorrupt
from vectord.index.sections.base import MemorySection
from vectord.index.sections.text import Text
from vectord.index.sections.text_postings import Source, merge
from vectord.index.sections.text_whole import all_postings
from vectord.index.sections.text_writer import PackedText, pack
from vectord.index.text.sparse import of_lists, postings_of, terms_of, values_of
from vectord.lhv1.text_layout import COUNTS, HEAD

type Rows = Sequence[Mapping[int, float]]

_values = st.floats(width=32, allow_nan=False, allow_infinity=False).filter(bool)
_indices = st.sampled_from([0, 1, 255, 256, 65_536, 2**32 - 1]) | st.integers(0, 2**32 - 1)
rows_of_vectors = st.lists(st.dictionaries(_indices, _values, max_size=5), min_size=1, max_size=40)


def section(rows: Rows) -> PackedText:
    return pack([postings_of([of_lists([*row], [*row.values()]) if row else None for row in rows])])


def opened(data: bytes, rows: int, front: int, fields: int = 1, sparse: Sequence[int] = (0,)) -> Text:
    return Text(MemorySection(data), rows, fields, front, frozenset(sparse))


def test_a_section_has_the_specified_bytes() -> None:
    rows: list[dict[int, float]] = [{}] * 40
    rows[3:5] = {2: 1.0, 258: -0.5}, {258: 2.0}
    first = bytes([3]) + struct.pack("<f", 1.0)
    second = bytes([3, 4]) + struct.pack("<2f", -0.5, 2.0)
    block = struct.pack("<Q", 0) + bytes([4, 4]) + bytes([3, 3]) + bytes([1, 2]) + struct.pack(">2I", 2, 258)
    block += first + second
    directory = struct.pack("<2I", len(block), zlib.crc32(block)) + b"\x04" + struct.pack(">I", 2)
    counts = struct.pack("<QQ7I", 0, 0, 2, len(block), 4, 0, 0, zlib.crc32(directory), 0)
    head = struct.pack("<2I", 40, 1)
    expected = head + struct.pack("<I", zlib.crc32(head + counts)) + counts + directory + block
    found = section(rows)
    assert found.front == len(expected) - len(block)
    assert found.data == expected + bytes(-len(expected) % 64)


@pytest.mark.slow
@given(rows_of_vectors)
def test_what_was_written_is_read(rows: Rows) -> None:
    found = section(rows)
    text = opened(found.data, len(rows), found.front)
    read: list[dict[int, float]] = [{} for _ in rows]
    indices = sorted({index for row in rows for index in row})
    for index, term in zip(indices, terms_of(np.array(indices, np.uint32)), strict=True):
        listed = text.find(0, [term])[term]
        values = values_of(listed.counts, len(listed.rows)).tolist()
        for row, value in zip(listed.rows.tolist(), values, strict=True):
            read[row][index] = value
    assert read == [dict(row) for row in rows]
    assert not text.lengths(0).any()
    assert pack(all_postings(text)) == found


@pytest.mark.slow
@given(st.lists(rows_of_vectors, min_size=1, max_size=3), st.integers(0, 2**32))
def test_merged_sections_are_those_of_a_fresh_build(sections: list[Rows], seed: int) -> None:
    kept = np.random.default_rng(seed).random(sum(map(len, sections))) < 0.7
    numbers = iter(np.where(kept, np.cumsum(kept) - 1, -1).tolist())
    sources = []
    for rows in sections:
        found = section(rows)
        [field] = all_postings(opened(found.data, len(rows), found.front))
        sources.append(Source(field, np.array([next(numbers) for _ in rows])))
    live = [row for row, keep in zip([row for rows in sections for row in rows], kept, strict=True) if keep]
    if live:
        assert pack([merge(sources, len(live))]) == section(live)


def _two_fields() -> tuple[PackedText, int]:
    sparse = postings_of([of_lists([1, 9], [0.5, 1.5]), None, of_lists([9], [2.5])])
    return pack([postings([{b"a": 1}, {b"b": 300}, {}]), sparse]), 3


@pytest.mark.parametrize("sparse", [(), (0,), (0, 1)])
def test_the_fields_of_sparse_vectors_are_those_of_the_envelope(sparse: tuple[int, ...]) -> None:
    found, rows = _two_fields()
    with pytest.raises(BlobCorrupt, match="fields of sparse vectors"):
        _ = opened(found.data, rows, found.front, 2, sparse).front


def test_a_field_of_texts_may_be_beside_one_of_sparse_vectors() -> None:
    found, rows = _two_fields()
    text = opened(found.data, rows, found.front, 2, (1,))
    assert (text.lengths(0).tolist(), text.lengths(1).tolist()) == ([1, 300, 0], [0, 0, 0])
    assert [each.sparse for each in all_postings(text)] == [False, True]


def test_every_altered_byte_is_refused() -> None:
    found, rows = _two_fields()
    for at in range(len(found.data)):
        changed = bytearray(found.data)
        changed[at] ^= 0x20
        with pytest.raises(BlobCorrupt):
            all_postings(opened(bytes(changed), rows, found.front, 2, (1,)))


@pytest.mark.parametrize("bits", [0, 0x8000_0000, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000], ids=hex)
def test_a_forged_value_that_is_0_or_not_finite_is_refused(bits: int) -> None:
    found = section([{1: 0.5}] * 2)
    layout = opened(found.data, 2, found.front).front.layout
    at = found.data.index(struct.pack("<f", 0.5))
    forged = resealed(found.data[:at] + struct.pack("<I", bits) + found.data[at + 4 :], layout)
    text = opened(forged, 2, found.front)
    for read in (lambda: text.find(0, [b"\0\0\0\1"]), lambda: all_postings(text)):
        with pytest.raises(BlobCorrupt):
            read()


def test_tokens_without_lengths_are_refused() -> None:
    found = section([{1: 0.5}])
    counts = [*COUNTS.unpack_from(found.data, HEAD.size)]
    counts[0] = 3
    data = found.data[: HEAD.size] + COUNTS.pack(*counts) + found.data[HEAD.size + COUNTS.size :]
    crc32 = zlib.crc32(data[HEAD.size : HEAD.size + COUNTS.size], zlib.crc32(data[:8]))
    with pytest.raises(BlobCorrupt, match="tokens without lengths"):
        _ = opened(data[:8] + struct.pack("<I", crc32) + data[12:], 1, found.front).front


def test_texts_without_lengths_are_refused() -> None:
    found = section([{1: 0.5}])
    with pytest.raises(BlobCorrupt):
        _ = opened(found.data, 1, found.front, sparse=()).front
    with pytest.raises(BlobCorrupt):
        _ = opened(packed([{b"a": 1}]).data, 1, packed([{b"a": 1}]).front).front
