"""Blobs of an earlier vectord with sections `tail` are read, searched and changed; their next commit writes a piece."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from tests.support import vectors as v
from tests.support.old_tails import with_tails
from tests.support.sections import PACKED, PackedIndex, packed
from tests.support.vectors import item
from vectord.index import mutations
from vectord.index import rows as index_rows
from vectord.index.build import rebuild
from vectord.index.codec import decode, encode
from vectord.index.query import scan, search
from vectord.index.state import Index


def some(first: int, last: int) -> list[index_rows.Item]:
    vectors = np.random.default_rng(first).standard_normal((last - first, 3)).astype(np.float32)
    texts = [msgspec.Raw(b'{"row":%d}' % row) for row in range(first, last)]
    named = enumerate(zip(vectors, texts, strict=True), first)
    return [index_rows.Item(f"row-{row}", vector, text) for row, (vector, text) in named]


BASE, FIRST, SECOND = some(0, 50), some(50, 57), some(57, 60)


def opened(blob: bytes) -> PackedIndex:
    index = PackedIndex.__new__(PackedIndex)
    index.thresholds, index.blob, index.index = PACKED, blob, decode.open_blob(blob)
    return index


@pytest.fixture(params=["packed", "unbuilt"])
def old(request: pytest.FixtureRequest) -> PackedIndex:
    """An index with two old tails behind its base, or with nothing but two tails; `row-52` is deleted."""
    if request.param == "packed":
        return opened(with_tails(packed(BASE).blob, FIRST, SECOND, removed=[52]))
    empty = encode.encode(v.empty(3), "t", "created").blob
    return opened(with_tails(empty, [*BASE, *FIRST], SECOND, removed=[52]))


def contents(index: Index) -> dict[str, tuple[bytes, bytes | None]]:
    rows = index.rows
    texts = {vector_id: bytes(text) for vector_id, text in rows.metadata.items()}
    pairs = zip(rows.ids, rows.vectors, strict=True)
    return {vector_id: (vector.tobytes(), texts.get(vector_id)) for vector_id, vector in pairs}


def expected(items: Sequence[index_rows.Item]) -> dict[str, tuple[bytes, bytes | None]]:
    return {each.id: (each.vector.tobytes(), bytes(each.metadata) if each.metadata else None) for each in items}


ALL = expected([each for each in [*BASE, *FIRST, *SECOND] if each.id != "row-52"])


def test_its_rows_are_read(old: PackedIndex) -> None:
    assert contents(old.index) == ALL
    assert old.index.find(["row-3", "row-52", "row-55", "row-58", "none"]).keys() == {"row-3", "row-55", "row-58"}
    listed = scan.page(old.index, scan.Span(), scan.Limit(100)).rows
    assert {row.id: bytes(row.metadata or b"") for row in listed} == {each: text for each, (_, text) in ALL.items()}


def test_it_is_searched(old: PackedIndex) -> None:
    for wanted in ("row-3", "row-51", "row-59"):
        [found] = search.search(old.index, np.frombuffer(ALL[wanted][0], np.float32), 1).matches
        assert (found.id, found.distance) == (wanted, pytest.approx(0, abs=1e-6))


def test_the_next_add_writes_its_tail_and_the_new_rows_as_one_piece(old: PackedIndex) -> None:
    old.commit(mutations.upsert(old.index, [item("new", [1, 2, 3])])[0], rebuild=False)
    assert (old.envelope.pieces, old.envelope.ids, old.envelope.metadata) == ([len(old.index.tail)], [], {})
    assert {entry.name for entry in old.index.tail_entries} == {"piece"}
    assert contents(old.index) == {**ALL, "new": (v.f32([1, 2, 3]).tobytes(), None)}


def test_a_delete_writes_its_tail_as_a_piece(old: PackedIndex) -> None:
    old.commit(mutations.remove(old.index, ["row-3", "row-58"])[0], rebuild=False)
    assert {entry.name for entry in old.index.tail_entries} == {"piece"}
    assert contents(old.index) == {each: row for each, row in ALL.items() if each not in {"row-3", "row-58"}}


def test_a_row_of_its_tail_can_be_replaced(old: PackedIndex) -> None:
    old.commit(mutations.upsert(old.index, [item("row-55", [1, 2, 3])])[0], rebuild=False)
    assert contents(old.index) == {**ALL, "row-55": (v.f32([1, 2, 3]).tobytes(), b'{"row":55}')}


def test_a_build_of_it_is_applied_to_a_later_state_whose_tail_is_a_piece(old: PackedIndex) -> None:
    made = rebuild.rebuild(old.index, "built", PACKED)
    assert made is not None
    old.commit(mutations.upsert(old.index, [item("row-55", [1, 2, 3]), item("new", [3, 2, 1])])[0], rebuild=False)
    later = rebuild.apply(made, old.index)
    assert later is not None
    assert v.tail_ids(later) == ["row-55", "new"]
    changed = {"row-55": (v.f32([1, 2, 3]).tobytes(), b'{"row":55}'), "new": (v.f32([3, 2, 1]).tobytes(), None)}
    assert contents(later) == {**ALL, **changed}
