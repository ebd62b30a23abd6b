"""Columns tell of a filter what the documents would: never too much, never too little, and mostly all."""

import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import documents as d
from tests.support.sections import Bringing
from vectord.errors import BlobCorrupt
from vectord.filters import Among, AnyOf, Compare, Exists, Filter, Glob, Prefix, keys, matches, parse
from vectord.index import columns_gather, columns_read
from vectord.index.bounds import bounds
from vectord.index.columns import Columns, Gathered, nearest
from vectord.index.columns_gather import gathered
from vectord.index.columns_pack import pack
from vectord.index.columns_read import Stored
from vectord.index.hits import Bounds
from vectord.index.sections import InMemory, all_here


def in_memory(documents: Sequence[Any]) -> Gathered:
    return gathered(d.raws(documents))


def stored(documents: Sequence[Any]) -> Columns:
    columns = in_memory(documents)
    return Stored(InMemory(pack(columns)), len(documents)) if columns.columns else columns


def told(columns: Columns, tree: Filter) -> Bounds:
    return bounds(tree, columns.read(keys(tree), all_here), columns.rows)


def hits(columns: Columns, tree: Filter) -> list[int]:
    """Return the rows that satisfy a filter of which the columns can tell all."""
    found = told(columns, tree)
    assert found.settled
    return np.flatnonzero(found.surely).tolist()


HELD = pytest.mark.parametrize("held", [in_memory, stored])


@HELD
@given(documents=st.lists(d.OBJECTS | d.DOCUMENTS, max_size=12), tree=d.FILTERS)
@settings(max_examples=200, deadline=None)
def test_the_truth_lies_between_what_is_sure_and_what_is_possible(
    held: Callable[[Sequence[Any]], Columns], documents: list[Any], tree: Filter
) -> None:
    found = told(held(documents), tree)
    truth = np.array([matches(tree, document) for document in documents], np.bool_)
    assert found.surely.tolist() == (found.surely & truth).tolist()
    assert found.possibly.tolist() == (found.possibly | truth).tolist()


SHORT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
PLAIN = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | SHORT
)


@HELD
@given(values=st.lists(PLAIN | st.lists(PLAIN, max_size=3), min_size=1, max_size=40), data=st.data())
@settings(deadline=None)
def test_of_short_texts_and_numbers_that_float64_holds_all_is_sure(
    held: Callable[[Sequence[Any]], Columns], values: list[Any], data: st.DataObject
) -> None:
    met = [value for value in values if not isinstance(value, list)]
    ordered = [value for value in met if type(value) in {str, int, float}]
    tree: Filter = data.draw(
        st.builds(Among, st.just("a"), st.lists(st.sampled_from([0, *met]), max_size=3).map(tuple))
        | st.builds(Compare, st.just("a"), st.sampled_from(["$gt", "$lte"]), st.sampled_from([0, "", *ordered]))
    )
    documents = [{"a": value} for value in values]
    assert hits(held(documents), tree) == [row for row, each in enumerate(documents) if matches(tree, each)]


SIZES = [*d.LARGE, 0.5, -3, 2.0**53, 1e300]


@HELD
@pytest.mark.parametrize("operand", SIZES)
@pytest.mark.parametrize("order", ["$gt", "$gte", "$lt", "$lte", "$eq"])
def test_numbers_of_any_size_compare_exactly_where_rounding_tells(
    held: Callable[[Sequence[Any]], Columns], operand: float, order: Any
) -> None:
    documents = [{"a": value} for value in SIZES]
    tree = Among("a", (operand,)) if order == "$eq" else Compare("a", order, operand)
    found = told(held(documents), tree)
    for row, value in enumerate(SIZES):
        if nearest(value) != nearest(operand) or value == nearest(value):
            assert found.surely[row] == found.possibly[row] == matches(tree, documents[row])
        else:
            assert (found.surely[row], found.possibly[row]) == (False, True)


WORDS = sorted({"", "a", "ab", "z", *d.LONG, *(text + "x" for text in d.LONG)})


@HELD
@pytest.mark.parametrize("operand", WORDS)
@pytest.mark.parametrize("order", ["$gt", "$gte", "$lt", "$lte", "$eq", "$prefix", "$glob"])
def test_texts_of_any_length_are_told_apart_by_what_a_word_holds(
    held: Callable[[Sequence[Any]], Columns], operand: str, order: Any
) -> None:
    documents = [{"a": value} for value in WORDS]
    made = {"$eq": Among("a", (operand,)), "$prefix": Prefix("a", operand), "$glob": Glob("a", operand + "*x")}
    tree = made.get(order) or Compare("a", order, operand)
    found = told(held(documents), tree)
    for row, value in enumerate(WORDS):
        cut = len(value.encode()) > 128
        alike = value.encode()[:128] == operand.encode()[:128] and len(operand.encode()) > 128
        starts = value.encode()[:128].startswith(operand.encode()[:128])
        if cut and (alike or (order == "$glob" and starts)):
            assert (found.surely[row], found.possibly[row]) == (False, True)
        else:
            assert found.surely[row] == found.possibly[row] == matches(tree, documents[row])


@HELD
@pytest.mark.parametrize(
    ("filter_", "rows"),
    [
        ({"a": 1}, [0, 4]),
        ({"a": True}, [1]),
        ({"a": False}, []),
        ({"a": None}, [2]),
        ({"a": "x"}, [3, 4]),
        ({"a": {"$in": ["x", True]}}, [1, 3, 4]),
        ({"a": {"$exists": True}}, [0, 1, 2, 3, 4, 5, 6]),
        ({"a": {"$exists": False}}, [7]),
        ({"a.b": {"$gt": 1}}, [6, 7]),
        ({"a": {"$ne": 1}}, [1, 2, 3, 5, 6, 7]),
        ({"a": {"$gte": "x"}}, [3, 4]),
    ],
)
def test_each_kind_of_value_is_told_apart(
    held: Callable[[Sequence[Any]], Columns], filter_: dict[str, Any], rows: list[int]
) -> None:
    values = [1, True, None, "x", [1, "x"], [], {"b": 2}]
    documents = [*({"a": value} for value in values), {"a.b": 2}]
    assert hits(held(documents), parse(filter_)) == rows


def test_only_the_texts_of_one_cut_word_are_left_open() -> None:
    long = "x" * 200
    columns = stored([{"a": long + "1"}, {"a": long + "2"}, {"a": "x" * 100}, {"a": "y" * 200}, {}])
    found = told(columns, Among("a", (long + "1",)))
    assert (found.surely.tolist(), np.flatnonzero(found.possibly).tolist()) == ([False] * 5, [0, 1])
    assert hits(columns, Prefix("a", "x")) == [0, 1, 2]
    found = told(columns, Compare("a", "$gt", long))
    assert (np.flatnonzero(found.surely).tolist(), np.flatnonzero(found.possibly).tolist()) == ([3], [0, 1, 3])


def test_only_a_large_integer_that_rounds_to_the_operand_is_left_open() -> None:
    values = [2**60 + 1, 2**60, 2**60 + 2**20, 5]
    columns = stored([{"a": value} for value in values])
    found = told(columns, Among("a", (2**60,)))
    assert (np.flatnonzero(found.surely).tolist(), np.flatnonzero(found.possibly).tolist()) == ([1], [0, 1])
    found = told(columns, Compare("a", "$gt", 2**60))
    assert (np.flatnonzero(found.surely).tolist(), np.flatnonzero(found.possibly).tolist()) == ([2], [0, 2])


@HELD
@pytest.mark.parametrize("most", [-128, 127, -32_768, 32_767, 32_768, -(2**31), 2**31 - 1, 2**31, 0.5])
def test_numbers_of_any_width_come_back(held: Callable[[Sequence[Any]], Columns], most: float) -> None:
    columns = held([{"a": 1}, {"a": most}, {"a": 2}])
    assert hits(columns, Among("a", (most,))) == [1]
    assert hits(columns, Among("a", (*range(100, 164), most))) == [1]


@HELD
@pytest.mark.parametrize("count", [1, 255, 256, 257, 65_536, 65_537])
def test_vocabularies_of_any_size_come_back(held: Callable[[Sequence[Any]], Columns], count: int) -> None:
    columns = held([{"a": f"{row:06}"} for row in range(count)])
    last = count - 1
    assert hits(columns, Among("a", (f"{last:06}",))) == [last]
    assert hits(columns, Compare("a", "$gte", f"{last:06}")) == [last]
    assert hits(columns, Prefix("a", f"{last:06}"[:5])) == [row for row in range(count) if row // 10 == last // 10]
    assert hits(columns, Glob("a", f"{last:06}"[:5] + "?")) == [row for row in range(count) if row // 10 == last // 10]


@HELD
@pytest.mark.parametrize("every", [1, 2, 7, 100])
def test_rows_that_are_dense_or_sparse_come_back(held: Callable[[Sequence[Any]], Columns], every: int) -> None:
    documents = [{"a": None, "n": row, "t": "x"} if row % every == 0 else {} for row in range(300)]
    here = list(range(0, 300, every))
    columns = held(documents)
    for tree in (Among("a", (None,)), Exists("n"), Among("t", ("x",)), Compare("n", "$gte", 0)):
        assert hits(columns, tree) == here
    assert hits(columns, Compare("n", "$gt", 150)) == [row for row in here if row > 150]


@HELD
def test_documents_of_many_shapes_are_sorted_into_rows(held: Callable[[Sequence[Any]], Columns]) -> None:
    rng = np.random.default_rng(0)
    documents = [
        {key: value for key, value in zip("abcdefgh", drawn, strict=True) if value}
        for drawn in rng.integers(0, 5, (20_000, 8)).tolist()
    ]
    columns = held(documents)
    for key in "ah":
        assert hits(columns, Among(key, (3,))) == [row for row, each in enumerate(documents) if each.get(key) == 3]


KINDS = [lambda row: f"{row % 97}", lambda row: 2**60 + row % 5, lambda row: row % 97, lambda row: [row % 7 / 2, "5"]]


@HELD
def test_values_that_come_in_any_order_stay_with_their_rows(held: Callable[[Sequence[Any]], Columns]) -> None:
    drawn = np.random.default_rng(1).integers(0, 12, (20_000, 3)).tolist()
    documents = [
        {key: KINDS[kind % 4](row) for key, kind in zip("abc", kinds, strict=True) if kind < 8}
        for row, kinds in enumerate(drawn)
    ]
    columns = held(documents)
    for key in "abc":
        for tree in (Among(key, ("5",)), Among(key, (5,)), Compare(key, "$gt", 2.5), Compare(key, "$lte", 2**61)):
            assert hits(columns, tree) == [row for row, each in enumerate(documents) if matches(tree, each)]
        found = told(columns, Among(key, (2**60 + 3,)))
        truth = [row for row, each in enumerate(documents) if each.get(key) in [2**60 + at for at in range(1, 5)]]
        assert (found.surely.any(), np.flatnonzero(found.possibly).tolist()) == (False, truth)


def test_a_path_too_long_for_a_column_is_left_to_the_documents() -> None:
    path = "k" * 513
    for columns in (in_memory([{path: 1, "a": 1}]), stored([{path: 1, "a": 1}])):
        assert told(columns, Exists(path)).possibly.tolist() == [True]
        assert not told(columns, Exists(path)).settled
    assert hits(stored([{path[1:]: 1}, {}]), Exists(path[1:])) == [0]


@HELD
def test_where_there_are_too_many_paths_those_without_a_column_are_left_to_the_documents(
    held: Callable[[Sequence[Any]], Columns], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns_gather, "MOST_PATHS", 3)
    documents = [{"a": 1, "b": 1, "z": {"b": 1}}, {"c": 1}, {"c": {"d": 1}}, {"z": {"b": 2}}, {"c": [{"d": 1}], "b": 2}]
    columns = held(documents)
    assert hits(columns, Among("b", (2,))) == [4]
    found = told(columns, Among("c.d", (1,)))
    assert (found.surely.any(), found.possibly.all()) == (False, True)


def test_a_column_has_what_lies_inside_of_paths_that_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns_gather, "MOST_PATHS", 2)
    columns = in_memory([{"a.b": 1}, {"z": 1}, {"a": {"b": 2}}, {"a": [{"b": 3}]}])
    assert hits(columns, Compare("a.b", "$gt", 1)) == [2, 3]


@pytest.mark.parametrize("text", [b"{", b"1, 2", b"1e999", b'{"a": 1e999}', b"[" * 100_000])
def test_metadata_that_cannot_be_decoded_counts_as_none(text: bytes) -> None:
    columns = gathered([d.raw({"a": 1}), msgspec.Raw(text), d.raw({"a": 2})])
    assert hits(columns, Exists("a")) == [0, 2]


def test_documents_larger_than_a_chunk_are_all_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns_gather, "_CHUNK_BYTES", 20)
    documents = [{"a": "x" * (row % 30)} if row % 3 else None for row in range(50)]
    assert hits(in_memory(documents), Exists("a")) == [row for row in range(50) if row % 3]


# Sections of which little is here.

MANY = [{"year": row % 100, "name": f"name {row}", "score": row / 7, "tags": [row % 3, "x"]} for row in range(20_000)]
SECTION = pack(in_memory(MANY))


def test_a_filter_reads_the_directory_and_the_blocks_of_its_paths() -> None:
    bring = Bringing()
    columns = Stored(bring.section(SECTION, "columns"), len(MANY))
    tree = AnyOf((Among("year", (7,)), Among("nowhere", (1,))))
    found = bounds(tree, columns.read(keys(tree), bring), len(MANY))
    assert np.flatnonzero(found.surely).tolist() == list(range(7, 20_000, 100))
    assert len(bring.rounds) == 2
    assert bring.bytes < 60_000 < len(SECTION) / 7


def test_blocks_are_brought_in_one_round_and_only_once() -> None:
    bring = Bringing()
    columns = Stored(bring.section(SECTION, "columns"), len(MANY))
    for _ in range(2):
        columns.read(["name", "score", "year"], bring)
    assert len(bring.rounds) == 2


def test_a_directory_longer_than_the_first_read_is_read_to_its_end() -> None:
    documents = [{f"key {row}-{at}": row for at in range(10)} for row in range(150)]
    section = pack(in_memory(documents))
    bring = Bringing()
    assert columns_read._FIRST < 16 * 1_500
    columns = Stored(bring.section(section, "columns"), 150)
    tree = Exists("key 149-9")
    assert np.flatnonzero(bounds(tree, columns.read(keys(tree), bring), 150).surely).tolist() == [149]


def test_paths_of_one_crc32_stay_apart() -> None:
    columns = stored([{"plumless": 1}, {"buckeroo": 2}, {"buckeroo": 1}])
    assert hits(columns, Among("plumless", (1,))) == [0]
    assert hits(columns, Among("buckeroo", (1,))) == [2]
    assert hits(stored([{"plumless": 1}]), Exists("buckeroo")) == []


# Sections that are not what was written.

SMALL = [
    {"n": 1, "t": "short", "tags": ["b", "é"], "on": True, "deep": {"x": [None, False]}},
    {"n": 2**60 + 1, "t": "x" * 200, "tags": [], "on": False},
    {"n": 0.5, "plumless": 3},
    {"n": -1, "t": "b", "buckeroo": 4},
]
SOUND = pack(in_memory(SMALL))
QUESTIONS = [
    Exists("deep"),
    Among("n", (1, 2**60)),
    Compare("n", "$lt", 1),
    Compare("t", "$gt", "c"),
    Glob("t", "s*"),
    Prefix("tags", "b"),
    Among("on", (True, False)),
    Among("deep.x", (None,)),
    Among("plumless", (3,)),
    Among("buckeroo", (4,)),
    Exists("nowhere"),
]


class Here(InMemory):
    """A section of which all that is asked for is here, and whose checksum nobody could check yet."""

    whole = False


def answers(columns: Columns) -> list[Any]:
    return [(found.surely.tolist(), found.possibly.tolist()) for found in (told(columns, each) for each in QUESTIONS)]


TRUTH = answers(Stored(InMemory(SOUND), len(SMALL)))


@pytest.mark.parametrize("flip", [0x01, 0x02, 0x20, 0x80, 0xFF])
def test_a_flip_of_any_byte_is_found_or_changes_nothing(flip: int) -> None:
    found = 0
    for at in range(len(SOUND)):
        damaged = bytearray(SOUND)
        damaged[at] ^= flip
        try:
            assert answers(Stored(Here(bytes(damaged)), len(SMALL))) == TRUTH
        except BlobCorrupt:
            found += 1
    assert found > len(SOUND) * 0.8


@pytest.mark.parametrize("flip", [0x01, 0x02, 0x20, 0x80, 0xFF])
def test_no_byte_that_passed_the_checksum_leads_to_a_crash(flip: int) -> None:
    for at in range(len(SOUND)):
        damaged = bytearray(SOUND)
        damaged[at] ^= flip
        with suppress(BlobCorrupt):
            answers(Stored(_resealed(bytes(damaged)), len(SMALL)))


def _resealed(data: bytes) -> InMemory:
    """Return a section in which somebody made every checksum right again."""
    paths = int.from_bytes(data[4:8], "little")
    start = 16 + 16 * paths
    if start <= len(data):
        data = data[:12] + zlib.crc32(data[16:start], zlib.crc32(data[:12])).to_bytes(4, "little") + data[16:]
    return InMemory(data)


@pytest.mark.parametrize("lengths", [b"\x03\x01", b"\x02\x02", b"\x01\x01", b"\x82\x01"])
def test_words_of_another_length_than_theirs_are_corrupt(lengths: bytes) -> None:
    section = pack(in_memory([{"a": "aa"}, {"a": "b"}]))
    at = section.index(b"\x02\x01" + bytes(6) + b"aab")
    with pytest.raises(BlobCorrupt):
        Stored(InMemory(section[:at] + lengths + section[at + 2 :]), 2).read(["a"], all_here)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 100, 200, len(SOUND) - 8, len(SOUND) - 1])
def test_a_section_cut_off_is_corrupt(length: int) -> None:
    bring = Bringing()
    for section in (InMemory(SOUND[:length]), Here(SOUND[:length]), bring.section(SOUND[:length], "columns")):
        columns = Stored(section, len(SMALL))
        with pytest.raises(BlobCorrupt):
            columns.read([path for tree in QUESTIONS for path in keys(tree)], bring)


@pytest.mark.parametrize("end", [0, len(SECTION), 2**40, 2**63, 2**64 - 1])
def test_a_block_that_lies_nowhere_is_corrupt_before_it_is_asked_for(end: int) -> None:
    paths = int.from_bytes(SECTION[4:8], "little")
    last = 16 + 16 * paths - 8
    bring = Bringing()
    damaged = _resealed(SECTION[:last] + end.to_bytes(8, "little") + SECTION[last + 8 :]).buffer.tobytes()
    with pytest.raises(BlobCorrupt):
        Stored(bring.section(damaged, "columns"), len(MANY)).read(["year", "name", "score", "tags"], bring)
    assert len(bring.rounds) == 1


@pytest.mark.parametrize("rows", [0, 3, 5, 2**31])
def test_a_section_of_other_rows_than_the_graphs_is_corrupt(rows: int) -> None:
    with pytest.raises(BlobCorrupt):
        Stored(InMemory(SOUND), rows).read(["nowhere"], all_here)
