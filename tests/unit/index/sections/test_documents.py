"""Packed documents: read by row and found by id, from a few ranges of the section."""

import json
import struct
import zlib
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sections import RecordingFetch, UnverifiedSection
from vectord.errors import BlobCorrupt
from vectord.index.sections.base import NOTHING_TO_FETCH, MemorySection
from vectord.index.sections.documents import Document, PackedDocuments
from vectord.index.sections.documents_writer import pack_documents

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
VALUES = st.none() | st.integers() | st.text(max_size=40) | st.dictionaries(TEXTS, st.integers(), max_size=3)


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def opened(ids: Sequence[str], metadata: Mapping[str, msgspec.Raw]) -> PackedDocuments:
    return PackedDocuments(MemorySection(pack_documents(ids, metadata)), len(ids))


def plain(found: Sequence[Document]) -> list[tuple[str, bytes | None]]:
    return [(each.id, None if each.metadata is None else bytes(each.metadata)) for each in found]


@given(ids=st.lists(TEXTS, unique=True, min_size=1, max_size=50), data=st.data())
@pytest.mark.slow
def test_documents_are_found_and_read_like_those_of_a_dictionary(ids: list[str], data: st.DataObject) -> None:
    values = data.draw(st.dictionaries(st.sampled_from(ids), VALUES))
    metadata = {vector_id: raw(value) for vector_id, value in values.items()}
    wanted = data.draw(st.lists(st.sampled_from(ids) | TEXTS, max_size=20))
    rows = data.draw(st.lists(st.integers(0, len(ids) - 1), max_size=20))
    packed = opened(ids, metadata)
    assert packed.find(wanted, NOTHING_TO_FETCH) == {each: ids.index(each) for each in wanted if each in ids}
    assert plain(packed.read(rows, NOTHING_TO_FETCH)) == [
        (ids[row], bytes(metadata[ids[row]]) if ids[row] in metadata else None) for row in rows
    ]
    assert packed.ids(rows, NOTHING_TO_FETCH) == [ids[row] for row in rows]


def test_ids_with_the_same_crc32_are_not_confused() -> None:
    first, second = "plumless", "buckeroo"
    assert zlib.crc32(first.encode()) == zlib.crc32(second.encode())
    assert opened([first, "x", second], {}).find([second, first], NOTHING_TO_FETCH) == {second: 2, first: 0}
    assert opened(["x", first], {}).find([second], NOTHING_TO_FETCH) == {}


@pytest.mark.parametrize("rows", [1, 15, 16, 17, 32, 33])
def test_a_block_of_any_size_is_read_to_its_last_row(rows: int) -> None:
    ids = [f"row-{row}" for row in range(rows)]
    packed = opened(ids, {ids[-1]: raw("last")})
    assert plain(packed.read(range(rows), NOTHING_TO_FETCH))[-1] == (ids[-1], b'"last"')


def test_the_section_has_the_specified_layout() -> None:
    ids = ["b", "aa"]
    section = pack_documents(ids, {"aa": raw(1)})
    by_hash = sorted(range(2), key=lambda row: zlib.crc32(ids[row].encode()))
    directory = struct.pack("<2I", *(zlib.crc32(ids[row].encode()) for row in by_hash)) + struct.pack("<2I", *by_hash)
    block = struct.pack("<2H2I", 1, 2, 0, 1) + b"b" + b"aa" + b"1"
    assert section == struct.pack("<2I", 2, 16) + directory + struct.pack("<2Q", 0, len(block)) + block


@pytest.mark.parametrize("order", [1, -1], ids=["metadata in the order of the rows", "in another order"])
@pytest.mark.parametrize("rows", [16, 35])
def test_blocks_follow_each_other(rows: int, order: int) -> None:
    ids = [f"é{row}" * (row % 3 + 1) for row in range(rows)]
    metadata = {vector_id: raw(vector_id) for vector_id in ids[::order]}
    expected, directory = b"", [0]
    for start in range(0, rows, 16):
        texts = [vector_id.encode() for vector_id in ids[start : start + 16]]
        documents = [bytes(metadata[vector_id]) for vector_id in ids[start : start + 16]]
        lengths = struct.pack(f"<{len(texts)}H{len(texts)}I", *map(len, texts), *map(len, documents))
        expected += lengths + b"".join(texts) + b"".join(documents)
        directory.append(len(expected))
    found = pack_documents(ids, metadata)[8 + 8 * rows :]
    assert found == struct.pack(f"<{len(directory)}Q", *directory) + expected


MANY = [f"row-{row:05}" for row in range(5_000)]
METADATA = {vector_id: raw({"text": vector_id * 8}) for vector_id in MANY}
SECTION = pack_documents(MANY, METADATA)


def test_rows_are_read_in_two_rounds_and_few_bytes() -> None:
    fetch = RecordingFetch()
    packed = PackedDocuments(fetch.section(SECTION), len(MANY))
    assert plain(packed.read([4_321, 7], fetch)) == [(MANY[row], bytes(METADATA[MANY[row]])) for row in (4_321, 7)]
    assert len(fetch.rounds) == 2
    assert fetch.bytes < len(SECTION) / 20
    assert packed.ids([4_321, 7], fetch) == [MANY[4_321], MANY[7]]
    assert len(fetch.rounds) == 2


def test_ids_are_found_without_reading_the_other_documents() -> None:
    fetch = RecordingFetch()
    packed = PackedDocuments(fetch.section(SECTION), len(MANY))
    assert packed.find(["row-00042", "absent"], fetch) == {"row-00042": 42}
    assert fetch.bytes < 8 * len(MANY) + 8 * 4_096


def test_blocks_are_fetched_only_once() -> None:
    fetch = RecordingFetch()
    packed = PackedDocuments(fetch.section(SECTION), len(MANY))
    packed.read([99], fetch)
    before = fetch.bytes
    packed.read([99, 98], fetch)
    assert fetch.bytes == before


SOME = [f"id-{row}" for row in range(20)]
VALID = pack_documents(SOME, {vector_id: raw({"row": row}) for row, vector_id in enumerate(SOME)})


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80, 0xFF])
def test_an_altered_byte_causes_neither_a_wrong_row_nor_a_crash(flip: int) -> None:
    for at in range(len(VALID)):
        damaged = bytearray(VALID)
        damaged[at] ^= flip
        packed = PackedDocuments(UnverifiedSection(bytes(damaged)), len(SOME))
        try:
            found = packed.find(SOME, NOTHING_TO_FETCH)
            assert found.items() <= {vector_id: row for row, vector_id in enumerate(SOME)}.items()
            packed.ids(range(len(SOME)), NOTHING_TO_FETCH)
            for document in packed.read(range(len(SOME)), NOTHING_TO_FETCH):
                assert document.metadata is None or msgspec.json.decode(document.metadata) is not ...
        except BlobCorrupt:
            pass


def test_an_altered_byte_is_refused_once_the_section_is_complete() -> None:
    for at in range(0, len(VALID), 7):
        fetch = RecordingFetch()
        section = fetch.section(VALID)
        damaged = bytearray(VALID)
        damaged[at] ^= 1
        with pytest.raises(BlobCorrupt):
            section.write(0, bytes(damaged))


@pytest.mark.parametrize("length", [0, 4, 7, 8, 100, 168, 183, 184, 200])
def test_a_truncated_section_is_corrupt(length: int) -> None:
    fetch = RecordingFetch()
    for section in (MemorySection(VALID[:length]), fetch.section(VALID[:length])):
        with pytest.raises(BlobCorrupt):
            PackedDocuments(section, len(SOME)).read(range(len(SOME)), fetch)
        with pytest.raises(BlobCorrupt):
            PackedDocuments(section, len(SOME)).find(SOME, fetch)


@pytest.mark.parametrize("rows", [19, 21, 2**31])
def test_a_section_with_another_number_of_rows_is_corrupt(rows: int) -> None:
    fetch = RecordingFetch()
    with pytest.raises(BlobCorrupt):
        PackedDocuments(fetch.section(VALID), rows).read([0], fetch)
    with pytest.raises(BlobCorrupt):
        PackedDocuments(fetch.section(VALID), rows).find(["id-1"], fetch)


def test_a_block_whose_length_differs_from_its_documents_is_corrupt() -> None:
    damaged = bytearray(VALID)
    block = 8 + 8 * 20 + 8 * 3
    struct.pack_into("<I", damaged, block + 2 * 16 + 4 * 15, 0)  # as if the block's last row had no metadata
    with pytest.raises(BlobCorrupt):
        PackedDocuments(UnverifiedSection(bytes(damaged)), 20).read([3], NOTHING_TO_FETCH)


@pytest.mark.parametrize("row", [20, 2**31, 2**32 - 1])
def test_a_row_that_the_graph_does_not_have_is_corrupt(row: int) -> None:
    damaged = bytearray(VALID)
    damaged[8 + 4 * 20 : 8 + 8 * 20] = np.full(20, row, "<u4").tobytes()
    with pytest.raises(BlobCorrupt):
        PackedDocuments(UnverifiedSection(bytes(damaged)), 20).find(["id-3"], NOTHING_TO_FETCH)
